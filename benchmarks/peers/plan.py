"""What the peers' benchmark measures, as cells, in the order in which candidates take turns."""

import argparse
import importlib.util
import itertools
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cells import Cell
from benchmarks.peers.processes import CANDIDATES, OURS
from benchmarks.peers.tasks import TASKS

PARTS = ("training", "returns", "updates", "products")
RETURNS = {"dqn": (20_000, 60.0), "sac": (20_000, 120.0), "ppo": (100_000, 60.0), "pixels": (4_000, 60.0)}  # steps, s
EVALUATIONS, EPISODES = 4, 5  # within the steps and within the seconds; in each
SHAPES = ((256, 256), (512, 512), (1024, 1024), (2048, 2048), (17, 256))
CENTRE = (512, 512), 0.9, 128
SPARSITIES, BATCH_SIZES = (0.8, 0.9, 0.95, 0.99), (1, 32, 128, 512)
SMOKE = "smoke"  # a setting of what is measured at the smallest size
# Of a cell beside its own time, and times that: settling, evaluations, peers that take longer for their steps. On 2
# cores of Zen 5; updates and products were timed together.
LONG_SECONDS, OWN_TIME = {"training": 7.0, "returns": 10.0, "updates": 40.0, "products": 22.0}, 1.25


def possible(tasks: Sequence[str], about: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The tasks whose packages are installed on both sides, and a line for each of the others."""
    theirs = {name for name, version in about["peer_packages"].items() if version}
    here = lambda package: importlib.util.find_spec(package.replace("-", "_")) is not None and package in theirs
    absent = {name: TASKS[name].needs for name in tasks if not here(TASKS[name].needs)}
    notes = [f"{name}: left out, because {package} is not installed" for name, package in absent.items()]
    return [name for name in tasks if name not in absent], notes


def possible_instructions(
    asked: Sequence[str], processors: Path = Path("/proc/cpuinfo"), machine: str = platform.machine()
) -> tuple[list[str], list[str]]:
    """`avx2` says something only where the processor has more."""
    wider = machine == "x86_64" and " avx512f" in processors.read_text(errors="replace")
    if wider or "avx2" not in asked:
        return list(asked), []
    return [name for name in asked if name != "avx2"], ["avx2: left out, because this processor has nothing wider"]


def cells(options: argparse.Namespace, tasks: Sequence[str], instructions: Sequence[str]) -> list[Cell]:
    """All cells; a round goes through all tasks, and a task through all candidates, so that a killed run has whole
    rounds, and what slows the machine slows all candidates alike.
    """
    makers = {"training": _training, "returns": _returns, "updates": _updates, "products": _products}
    planned = [
        cell
        for held in instructions
        for part in PARTS
        if part in options.parts
        for cell in makers[part](options, tasks, held)
    ]
    return [cell._replace(settings={**cell.settings, SMOKE: True}) for cell in planned] if options.smoke else planned


def words(planned: Sequence[Cell], options: argparse.Namespace) -> Iterator[str]:
    """A line for each part: how many cells, and about how many minutes."""
    for part, group in itertools.groupby(planned, key=lambda cell: cell.key["part"]):
        of_part = list(group)
        seconds = sum(LONG_SECONDS[part] + OWN_TIME * float(cell.settings.get("seconds", 0.0)) for cell in of_part)
        yield f"{of_part[0].key['instructions']}, {part}: {len(of_part)} measurements, about {seconds / 60:.0f} minutes"


def _training(options: argparse.Namespace, tasks: Sequence[str], held: str) -> Iterator[Cell]:
    rounds = 1 if options.smoke else options.rounds
    for number, task, candidate in itertools.product(range(rounds), tasks, CANDIDATES):
        about = TASKS[task]
        settle_steps = -(-about.first_update_steps // about.mark_steps) * about.mark_steps
        key = {"part": "training", "instructions": held, "task": task, "project": candidate.project}
        key |= {"layout": candidate.layout, "sparsity": candidate.sparsity, "round": number}
        smallest = {"seconds": 1.0, "settle_steps": settle_steps}
        usual = {"seconds": options.seconds, "settle_steps": about.settle_steps}
        yield Cell(key, smallest if options.smoke else usual)


def _returns(options: argparse.Namespace, tasks: Sequence[str], held: str) -> Iterator[Cell]:
    """As many seeds at once as there are cores."""
    num_cores, num_seeds = len(os.sched_getaffinity(0)), 1 if options.smoke else options.seeds
    waves = [list(range(first, min(first + num_cores, num_seeds))) for first in range(0, num_seeds, num_cores)]
    candidates = [each for each in CANDIDATES if each.per_core and (not each.sparsity or each.project == OURS)]
    for seeds, task, candidate in itertools.product(waves, tasks, candidates):
        steps, seconds = (options.returns_scale * amount for amount in RETURNS[task])
        key = {"part": "returns", "instructions": held, "task": task, "project": candidate.project}
        key |= {"sparsity": candidate.sparsity, "seeds": seeds}
        usual = {"steps": round(steps), "seconds": seconds, "evaluations": EVALUATIONS, "episodes": EPISODES}
        first = TASKS[task].first_update_steps
        yield Cell(key, {"steps": first, "seconds": 1.0, "evaluations": 1, "episodes": 1} if options.smoke else usual)


def _updates(options: argparse.Namespace, tasks: Sequence[str], held: str) -> Iterator[Cell]:
    for work in ("dqn_update", "sac_update"):
        settings = {"repetitions": 1 if options.smoke else 5, "window_seconds": 0.01 if options.smoke else 1.0}
        yield Cell({"part": "updates", "instructions": held, "work": work}, settings)


def _products(options: argparse.Namespace, tasks: Sequence[str], held: str) -> Iterator[Cell]:
    """One axis at a time through the centre."""
    grid = list(itertools.product(SHAPES, SPARSITIES, BATCH_SIZES))
    near = lambda sizes: sum(size != middle for size, middle in zip(sizes, CENTRE, strict=True)) <= 1
    for shape, sparsity, batch_size in [CENTRE] if options.smoke else filter(near, grid):
        key = {"part": "products", "instructions": held, "inputs": shape[0], "outputs": shape[1]}
        key |= {"sparsity": sparsity, "batch_size": batch_size}
        yield Cell(key, {"repetitions": 1 if options.smoke else 5, "window_seconds": 1e-4 if options.smoke else 0.05})
