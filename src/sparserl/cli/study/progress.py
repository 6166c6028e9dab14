"""Progress of a study, on standard error: live in a terminal, plain lines now and then elsewhere."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sparserl.engine.news import News, Tell
from sparserl.engine.overview import FINAL, RunState
from sparserl.persistence import RunId
from sparserl.seen import seen

SECONDS_BETWEEN_LINES = 30.0
_MOST_RUNS = 12  # that are shown one by one


class Board:
    """How far a study is: the steps of each run, the runs that run now, and how those that are over ended."""

    def __init__(self, states: Sequence[RunState], totals: Mapping[Path, int]) -> None:
        self.totals = totals
        self.total_steps = sum(totals.values())
        self.steps = {Path(state.run_folder): state.environment_steps for state in states}
        self.over: dict[Path, str] = {Path(state.run_folder): state.state for state in states if state.state in FINAL}
        for run in self.over:
            self.steps[run] = totals[run]
        self.running: dict[Path, str] = {}
        self.done_before, self.began = sum(self.steps.values()), time.monotonic()
        self.done, self.dropped = self.done_before, 0  # dropped: steps that runs that are over will never do

    def take(self, news: News) -> str:
        """Record what happened, and say it in a line if it is worth one."""
        run = news.run_folder
        if news.kind == "no workers":
            return "the cluster has no workers: waiting for some"
        if news.kind == "started":
            self.running[run] = "starts"
        elif news.progress is not None:
            self._count(run, news.progress.environment_steps)
            rate, evaluation = news.progress.environment_steps_per_second, news.progress.evaluation_return
            words = [f"{news.progress.environment_steps:,} steps", f"{rate:,.0f}/s" if rate else ""]
            words.append("" if evaluation is None else f"evaluation {evaluation:.4g}")
            self.running[run] = "  ".join(filter(None, words))
        else:
            self.running.pop(run, None)
            return self._ended(news)
        return ""

    def _ended(self, news: News) -> str:
        run, outcome = news.run_folder, news.outcome
        name = RunId.of(run)
        if news.kind == "wait":
            return f"{name} is being trained by another process: it is looked at again later"
        if outcome is None or outcome.ending == "finished":
            self.over[run] = "finished"
            self._count(run, self.totals[run])
            return ""
        where = f"{name} {{}} at step {outcome.environment_steps:,}: {outcome.message}; its log is {outcome.log}"
        if news.kind == "retry":
            return where.format(outcome.ending) + f"; it is tried again in {news.delay_seconds:g} s"
        self.over[run] = "diverged" if outcome.ending == "diverged" else "failed"
        self._count(run, max(self.steps[run], outcome.environment_steps))
        self.dropped += self.totals[run] - self.steps[run]
        return where.format(self.over[run])

    def _count(self, run: Path, steps: int) -> None:
        self.done += steps - self.steps.get(run, 0)
        self.steps[run] = steps

    def line(self) -> str:
        """Such as 12 of 40 runs finished, 2 running, 1 failed; 31.2 % of the steps; 1:14:00 left."""
        counts = Counter(self.over.values())
        words = [f"{counts['finished']} of {len(self.totals)} runs finished", f"{len(self.running)} running"]
        words += [f"{counts[state]} {state}" for state in ("failed", "diverged") if counts[state]]
        return f"{', '.join(words)}; {self.fraction():.1%} of the steps{self._left()}"

    def fraction(self) -> float:
        return self.done / self.total_steps if self.total_steps else 1.0

    def _left(self) -> str:
        seconds, done = time.monotonic() - self.began, self.done - self.done_before
        if done <= 0 or seconds < 2.0 or len(self.over) == len(self.totals):
            return ""
        left = round((self.total_steps - self.done - self.dropped) * seconds / done)
        return f"; about {left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"


@contextmanager
def shown(states: Sequence[RunState], totals: Mapping[Path, int]) -> Iterator[Tell]:
    """A function that shows news; at the end a terminal is cleared of all of it, except for what went wrong."""
    console, board = Console(stderr=True, highlight=False, markup=False, emoji=False), Board(states, totals)
    with _live(console, board) if console.is_terminal else _lines(board) as tell:
        yield tell


@contextmanager
def _live(console: Console, board: Board) -> Iterator[Tell]:
    with Live(console=console, get_renderable=lambda: _picture(board), refresh_per_second=2, transient=True) as live:

        def tell(news: News) -> None:
            if line := board.take(news):
                live.console.print(Text(seen(line)))

        yield tell


def _picture(board: Board) -> Group:
    table = Table.grid(padding=(0, 2))
    for run, words in list(board.running.items())[:_MOST_RUNS]:
        table.add_row(Text(seen(str(RunId.of(run))), overflow="ellipsis", no_wrap=True), Text(words))
    bar = ProgressBar(total=1.0, completed=board.fraction(), width=40)
    return Group(Text(board.line()), bar, table)


@contextmanager
def _lines(board: Board) -> Iterator[Tell]:
    printed = time.monotonic()

    def tell(news: News) -> None:
        nonlocal printed
        line = board.take(news)
        if line:
            print(seen(line), file=sys.stderr, flush=True)
        if time.monotonic() - printed >= SECONDS_BETWEEN_LINES:
            printed = time.monotonic()
            print(board.line(), file=sys.stderr, flush=True)

    yield tell
