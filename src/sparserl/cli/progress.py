"""Progress: how far each seed is, on standard error: live bars in a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import rich.progress
from rich.console import Console
from rich.table import Column

from sparserl.study import RunProgress

SECONDS_BETWEEN_LINES = 10.0
TellProgress = Callable[[Path, RunProgress], None]


@contextmanager
def shown(seeds: Mapping[Path, int], total_steps: int) -> Iterator[TellProgress]:
    """A function that shows the progress of the runs in `seeds`; a terminal is cleared of it at the end."""
    console = Console(stderr=True)
    with _bars(console, seeds, total_steps) if console.is_terminal else _lines(seeds, total_steps) as tell:
        yield tell


@contextmanager
def _bars(console: Console, seeds: Mapping[Path, int], total_steps: int) -> Iterator[TellProgress]:
    columns = (
        rich.progress.TextColumn("seed {task.fields[seed]}"),
        rich.progress.BarColumn(bar_width=8),
        rich.progress.TextColumn("{task.description}", table_column=Column(no_wrap=True)),
    )
    last: dict[Path, float] = {}
    with rich.progress.Progress(*columns, console=console, transient=True) as bars:
        tasks = {run: bars.add_task("has not begun", total=total_steps, seed=seed) for run, seed in seeds.items()}

        def tell(run: Path, progress: RunProgress) -> None:
            words = "  ".join(_words(progress, total_steps, _evaluation(last, run, progress)))
            bars.update(tasks[run], completed=progress.environment_steps, description=words)

        yield tell


@contextmanager
def _lines(seeds: Mapping[Path, int], total_steps: int) -> Iterator[TellProgress]:
    last: dict[Path, float] = {}
    printed: dict[Path, float] = {}  # when

    def tell(run: Path, progress: RunProgress) -> None:
        words = ", ".join(_words(progress, total_steps, _evaluation(last, run, progress)))
        now, done = time.monotonic(), progress.environment_steps >= total_steps
        if done or now - printed.get(run, -SECONDS_BETWEEN_LINES) >= SECONDS_BETWEEN_LINES:
            printed[run] = now
            print(f"seed {seeds[run]}: {words}", file=sys.stderr, flush=True)

    yield tell


def _evaluation(last: dict[Path, float], run: Path, progress: RunProgress) -> float | None:
    """The mean return of the run's last evaluation, remembered in `last`."""
    if progress.evaluation_return is not None:
        last[run] = progress.evaluation_return
    return last.get(run)


def _words(progress: RunProgress, total_steps: int, evaluation: float | None) -> list[str]:
    """Such as 12,000 steps; 1,196/s; 1:14 left; return -85.2; density 0.100; evaluation -90.1."""
    words = [f"{progress.environment_steps:,} steps"]
    if rate := progress.environment_steps_per_second:
        words.append(f"{rate:,.0f}/s")
        if left := max(total_steps - progress.environment_steps, 0):
            words.append(f"{left / rate // 60:.0f}:{left / rate % 60:02.0f} left")
    if progress.last_return is not None:
        words.append(f"return {progress.last_return:.4g}")
    words.append(f"density {progress.live_density:.3f}")
    return words if evaluation is None else [*words, f"evaluation {evaluation:.4g}"]
