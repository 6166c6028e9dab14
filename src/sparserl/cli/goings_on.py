"""How stopped runs go on, in words: what a stop will cost before they begin, and what it has cost at the end."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sparserl import persistence
from sparserl.experiment import Experiment, Resume, environment_obstacle
from sparserl.persistence import Status, seed_folder
from sparserl.types import UserError

COSTS: Mapping[str, str] = {
    "fresh-episode": "a run that is stopped or killed goes on from its last checkpoint with fresh episodes: learner, "
    "replay and counters stay exact, and its results are marked, because their bits are not promised",
    "anew": "a run that is stopped or killed begins anew, from step 0; without --resume exact it would go on from its "
    "last checkpoint with fresh episodes",
}


def costs(experiments: Iterable[Experiment], resume: Resume = "auto") -> dict[str, str]:
    """Of every environment that cannot be captured: why, and what a stop costs, in one line each."""
    lines: dict[str, str] = {}
    for experiment in experiments:
        obstacle = environment_obstacle(experiment)
        if obstacle is not None:
            lines[experiment.environment] = cost(obstacle, "anew" if resume == "exact" else "fresh-episode")
    return lines


def cost(obstacle: str, goes_on: str) -> str:
    """Why a run could not go on exactly, and what a stop costs it."""
    return f"{obstacle}; {COSTS[goes_on]}"


class Notices:
    """Tells what runs themselves have seen to stand against going on exactly, which only a trial shows; once each."""

    def __init__(self, told: Iterable[str]) -> None:
        self._told = set(told)
        self._seen: set[Path] = set()

    def of(self, run: Path) -> str | None:
        """What is to be told of a run that has made progress, if anything."""
        if run in self._seen or (status := read(run)) is None or status.goes_on is None:
            return None
        self._seen.add(run)
        if status.obstacle is None or status.goes_on not in COSTS:
            return None
        line = cost(status.obstacle, status.goes_on)
        if line in self._told:
            return None
        self._told.add(line)
        return line


def read(run: Path) -> Status | None:
    """The status of a run; what cannot be read says nothing."""
    try:
        return persistence.read_status(run)
    except UserError:
        return None


def inexact(runs: Mapping[Path, int]) -> Iterator[str]:
    """A line for each of these unfinished runs that has lost something, or will not go on to the same bits."""
    for run, seed in runs.items():
        status = read(run)
        if status is None or status.environment_steps == 0:
            continue
        stored, steps = status.checkpoint_steps or 0, status.environment_steps
        if status.goes_on == "anew" or not stored:
            yield f"{seed_folder(seed)} begins anew: the {steps:,} steps of its training are lost"
        elif status.goes_on == "fresh-episode":
            lost = f", {steps - stored:,} steps back" if steps > stored else ""
            yield f"{seed_folder(seed)} goes on from step {stored:,}{lost}, with fresh episodes: not to the same bits"
