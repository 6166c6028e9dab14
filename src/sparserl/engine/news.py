"""News: what the engine tells about the runs it works through, and how it ends when its cluster is gone."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from sparserl.engine.retries import Failure
from sparserl.processes.outcomes import Outcome, RunProgress


class News(NamedTuple):
    """A run has started, made progress or ended, is started again or waited for; or there is no Dask worker."""

    kind: Literal["started", "progress", "ended", "retry", "wait", "no workers"]
    run_folder: Path
    progress: RunProgress | None = None
    outcome: Outcome | None = None
    delay_seconds: float = 0.0


class ClusterLost(Exception):
    """The scheduler is gone; the runs are as far as they are stored."""


Tell = Callable[[News], None]
Remember = Callable[[Path, Sequence[Failure]], None]
