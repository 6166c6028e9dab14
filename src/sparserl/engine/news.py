"""News: what the engine tells of the runs it works through, and how it ends when its cluster is gone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from sparserl.engine.retries import Failure
from sparserl.processes.outcomes import Outcome, RunProgress


class News(NamedTuple):
    """What happened to a run: it started, came on, ended, is started again or waited for; or no worker is there."""

    kind: Literal["started", "progress", "ended", "retry", "wait", "no workers"]
    run_folder: Path
    progress: RunProgress | None = None
    outcome: Outcome | None = None
    delay_seconds: float = 0.0


class ClusterLost(Exception):
    """The scheduler is gone; the runs are as far as they are stored."""


Tell = Callable[[News], None]
Remember = Callable[[Path, Sequence[Failure]], None]
