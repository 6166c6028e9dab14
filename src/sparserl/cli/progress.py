"""Progress: how far each seed is, as live bars in a terminal and as sparse plain lines elsewhere; on standard error."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import rich.progress
from rich.console import Console

from sparserl.study import Progress

SECONDS_BETWEEN_LINES = 10.0
Tell = Callable[[Path, Progress], None]


@contextmanager
def shown(seeds: Mapping[Path, int], total_steps: int) -> Iterator[Tell]:
    """A function to tell progress to, for the runs in `seeds`; what it shows in a terminal goes when all is done."""
    console = Console(stderr=True)
    with _bars(console, seeds, total_steps) if console.is_terminal else _lines(seeds, total_steps) as tell:
        yield tell


@contextmanager
def _bars(console: Console, seeds: Mapping[Path, int], total_steps: int) -> Iterator[Tell]:
    columns = (
        rich.progress.TextColumn("seed {task.fields[seed]}"),
        rich.progress.BarColumn(bar_width=16),
        rich.progress.TextColumn("{task.fields[words]}"),
    )
    evaluations: dict[Path, float] = {}
    with rich.progress.Progress(*columns, console=console, transient=True) as bars:
        tasks = {
            folder: bars.add_task("", total=total_steps, seed=seed, words="waiting for its first steps")
            for folder, seed in seeds.items()
        }

        def tell(folder: Path, progress: Progress) -> None:
            words = _words(progress, total_steps, evaluations, folder)
            bars.update(tasks[folder], completed=progress.environment_steps, words=words)

        yield tell


@contextmanager
def _lines(seeds: Mapping[Path, int], total_steps: int) -> Iterator[Tell]:
    evaluations: dict[Path, float] = {}
    told: dict[Path, float] = {}

    def tell(folder: Path, progress: Progress) -> None:
        words = _words(progress, total_steps, evaluations, folder)
        now, done = time.monotonic(), progress.environment_steps >= total_steps
        if done or now - told.get(folder, -SECONDS_BETWEEN_LINES) >= SECONDS_BETWEEN_LINES:
            told[folder] = now
            print(f"seed {seeds[folder]}: {words}", file=sys.stderr, flush=True)

    yield tell


def _words(progress: Progress, total_steps: int, evaluations: dict[Path, float], folder: Path) -> str:
    """`12,000 of 100,000 steps, 1,196/s, 1:14 left, return -85.2, evaluation -90.1, density 0.100`."""
    if progress.evaluation_return is not None:
        evaluations[folder] = progress.evaluation_return
    parts = [f"{progress.environment_steps:,} of {total_steps:,} steps"]
    if rate := progress.environment_steps_per_second:
        parts.append(f"{rate:,.0f}/s")
        minutes, seconds = divmod(round(max(total_steps - progress.environment_steps, 0) / rate), 60)
        parts += [f"{minutes}:{seconds:02d} left"] if progress.environment_steps < total_steps else []
    if progress.last_return is not None:
        parts.append(f"return {progress.last_return:.4g}")
    if folder in evaluations:
        parts.append(f"evaluation {evaluations[folder]:.4g}")
    return ", ".join([*parts, f"density {progress.live_density:.3f}"])
