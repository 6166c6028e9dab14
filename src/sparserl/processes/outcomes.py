"""Outcomes: how a worker's process ends, and what it tells on the way; the words that worker and engine share.

An exit status proves nothing: an environment, or a library that it uses, can end the process with any. A worker that
ends by itself stores how, and says so last of all; whatever ends otherwise was ended by something else.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

FINISHED = 0  # trained to the end, all stored
FAILED = 1  # an exception, a broken environment, too little memory: may be tried again
WRONG = 2  # the request itself is wrong: never tried again
DIVERGED = 3  # a result: kept and counted, never tried again
LOST = 4  # another attempt has taken the run over: nothing to do here
BUSY = 5  # another process holds the run: wait for it
NO_ROOM = 6  # the disk is full: may be tried again, and in a new engine it counts no more
INTERRUPTED = 130  # asked to stop; stored, and will go on from there

LOG_NAME = "log.txt"  # in a run's folder: what its workers said on standard error

Ending = Literal["finished", "failed", "wrong", "diverged", "lost", "busy", "interrupted", "hung"]
ENDINGS: Mapping[int, Ending] = {
    FINISHED: "finished",
    FAILED: "failed",
    WRONG: "wrong",
    DIVERGED: "diverged",
    LOST: "lost",
    BUSY: "busy",
    NO_ROOM: "failed",
    INTERRUPTED: "interrupted",
}


class RunProgress(NamedTuple):
    """What a worker told of its run; fields may be None before they are known."""

    environment_steps: int
    environment_steps_per_second: float | None
    last_return: float | None
    live_density: float
    evaluation_return: float | None


class Outcome(NamedTuple):
    """How a worker's process ended, where, and if its run is not finished the cause in one line.

    `exit_status` is the process's own, the negative number of the signal that killed it, or None where nobody knows:
    its Dask worker was lost with it. `worker` is the address of the Dask worker, empty where none was.
    """

    run_folder: Path
    ending: Ending
    exit_status: int | None
    message: str = ""
    environment_steps: int = 0
    worker: str = ""

    @property
    def log(self) -> Path:
        """Where the run's workers left what they said."""
        return self.run_folder / LOG_NAME


def parse_progress(line: Mapping[str, Any]) -> RunProgress:
    """The progress in a worker's line; keys of a newer worker are passed over. Raises KeyError where one is missing."""
    return RunProgress(**{name: line[name] for name in RunProgress._fields})


def last_line(exit_status: int) -> str:
    """The line with which a worker says that it ends by itself, and how; what it was just saying may lack its end."""
    return "\n" + json.dumps({"ending": exit_status})


def parse_last(line: Mapping[str, Any]) -> int | None:
    """The exit status in a worker's last line; None in every other."""
    return status if isinstance(status := line.get("ending"), int) and status in ENDINGS else None
