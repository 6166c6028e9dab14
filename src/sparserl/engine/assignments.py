"""Assignments: a run that a Dask worker is to work on, and how it tells its engine what comes of it."""

import dataclasses
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sparserl.engine.settings import Settings
from sparserl.processes.outcomes import RunProgress, parse_last, parse_progress

SECONDS_BETWEEN_TELLS = 1.0  # for each run; many runs share one scheduler


@dataclasses.dataclass(frozen=True)
class Assignment:
    """One run to be worked on: its folder as every worker sees it, the task's key, and where to tell its progress.

    `beside` are the folders of the other seeds that its process trains.
    """

    run_folder: str
    key: str
    topic: str
    settings: Settings
    versions: Mapping[str, str]
    beside: tuple[str, ...] = ()

    @property
    def run_folders(self) -> list[Path]:
        return [Path(self.run_folder), *map(Path, self.beside)]


class Surroundings(NamedTuple):
    """What an assignment is worked on in: who works, how to tell, and whether to stop."""

    address: str
    tell: Callable[[Mapping[str, Any]], None]
    is_stopped: Callable[[], bool]


class Teller:
    """Passes progress on, seldom enough for a scheduler with many runs; evaluations are never left out.

    `ending` is the exit status that the worker said last that it would end with; None where it said nothing of it.
    """

    def __init__(self, assignment: Assignment, around: Surroundings) -> None:
        self.assignment, self.around = assignment, around
        self.pending: dict[str, RunProgress] = {}  # by run
        self.environment_steps = 0
        self.ending: int | None = None
        self.told = -float("inf")

    def hear(self, line: bytes) -> None:
        try:
            told = json.loads(line)
            self.ending = self.ending if (ending := parse_last(told)) is None else ending
            progress, run = parse_progress(told), str(told.get("run", Path(self.assignment.run_folder).name))
        except (ValueError, KeyError, TypeError, AttributeError):  # no progress, but a sign of life
            return
        if progress.evaluation_return is None and run in self.pending:
            progress = progress._replace(evaluation_return=self.pending[run].evaluation_return)
        self.pending[run], self.environment_steps = progress, progress.environment_steps

    def pass_on(self, alive_seconds: float) -> None:
        """Tell what is pending, at most once in a while; without news, that this worker is alive."""
        silent = time.monotonic() - self.told
        if self.pending and silent >= SECONDS_BETWEEN_TELLS:
            self.tell("progress")
        elif silent >= alive_seconds:
            self.tell("alive")

    def tell(self, kind: str, **more: Any) -> None:
        pending, self.pending, self.told = self.pending, {}, time.monotonic()
        message = {"kind": kind, "key": self.assignment.key, "worker": self.around.address, **more}
        for run, progress in list(pending.items())[:-1]:
            self.around.tell({**message, "kind": "progress", "run": run, "progress": progress._asdict()})
        for run, progress in list(pending.items())[-1:]:
            message |= {"run": run, "progress": progress._asdict()}
        self.around.tell(message)


def dask_surroundings(assignment: Assignment) -> Surroundings:
    """The Dask worker in whose thread this runs; its scheduler cancels what nobody wants, a lost engine's runs too."""
    from distributed import Status, get_worker

    worker = get_worker()

    def is_stopped() -> bool:
        task = worker.state.tasks.get(assignment.key)
        return task is None or task.state == "cancelled" or worker.status not in (Status.running, Status.paused)

    return Surroundings(worker.address, lambda message: worker.log_event(assignment.topic, message), is_stopped)
