"""Evaluating: the step of a study in which all runs that have finished are evaluated under noise on observations."""

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from distributed import Client

from sparserl import engine
from sparserl.cli.study.noise import name_of
from sparserl.cli.study.progress import SECONDS_BETWEEN_LINES
from sparserl.engine.failures import Failures
from sparserl.engine.retries import Failure, Retries
from sparserl.engine.settings import Settings
from sparserl.persistence import RunId
from sparserl.persistence.studies import StoredStudy
from sparserl.seen import seen

Note = Callable[[str, Sequence[Failure]], None]  # keeps what a task has failed at, under its name


def evaluate(
    client: Client,
    stored: StoredStudy,
    runs: Sequence[Path],
    settings: Settings,
    retries: Retries,
    failures: Failures,
    note: Note,
) -> None:
    """Evaluate runs under all that they lack of the study's noise, a process for each, as the engine trains them."""
    board = _Board(len(runs))
    board.say(f"{stored.folder.name}: {len(runs)} runs to evaluate under noise on observations, {_told(stored)}")
    known = {run: failures.get(name_of(run), ()) for run in runs}
    settings = dataclasses.replace(settings, observation_noise=stored.observation_noise)
    engine.run(client, runs, settings, retries, board.tell, known, lambda run, failed: note(name_of(run), failed))


class _Board:
    """How far the evaluations are, in lines now and then."""

    def __init__(self, num_runs: int) -> None:
        self.num_runs, self.num_over, self.said = num_runs, 0, time.monotonic()

    def say(self, line: str) -> None:
        print(seen(line), file=sys.stderr, flush=True)
        self.said = time.monotonic()

    def tell(self, news: engine.News) -> None:
        """Say what happened if it is worth a line."""
        self.num_over += news.kind == "ended"
        outcome = news.outcome
        if news.kind == "no workers":
            self.say("the cluster has no workers: waiting for some")
        elif outcome is not None and outcome.ending != "finished" and news.kind != "wait":
            again = f"; it is tried again in {news.delay_seconds:g} s" if news.kind == "retry" else ""
            self.say(f"{RunId.of(news.run_folder)} under noise {outcome.ending}: {outcome.message}{again}")
        elif time.monotonic() - self.said >= SECONDS_BETWEEN_LINES:
            self.say(f"{self.num_over} of {self.num_runs} runs evaluated under noise")


def _told(stored: StoredStudy) -> str:
    deviations = stored.observation_noise
    return f"{len(deviations)} deviations from {deviations[0]:g} to {deviations[-1]:g}"
