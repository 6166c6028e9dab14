"""Noise: the step of a study in which all runs that have finished are evaluated under noise on observations."""

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from distributed import Client

from sparserl import engine, persistence
from sparserl.cli.study.progress import SECONDS_BETWEEN_LINES
from sparserl.engine.failures import Failures
from sparserl.engine.overview import RunState
from sparserl.engine.retries import Failure, Retries, gives_up
from sparserl.engine.settings import Settings
from sparserl.persistence import RunId
from sparserl.persistence.studies import StoredStudy
from sparserl.processes.outcomes import LOG_NAME

Note = Callable[[str, Sequence[Failure]], None]  # keeps what a task has failed at, under its name


def name_of(run_folder: Path) -> str:
    """What the failures of a run's evaluation under noise are kept under, beside those of its training."""
    return f"{RunId.of(run_folder)} under noise"


def open_runs(stored: StoredStudy, states: Sequence[RunState], failures: Failures, retries: Retries) -> list[Path]:
    """The finished runs that lack some evaluation under noise, and are not given up."""
    finished = [Path(state.run_folder) for state in states if state.state == "finished"]
    lacking = [run for run in finished if persistence.missing_noise(run, stored.observation_noise)]
    return [run for run in lacking if not gives_up(failures.get(name_of(run), ()), retries)]


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
        print(line, file=sys.stderr, flush=True)
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


def document(stored: StoredStudy, states: Sequence[RunState], failures: Failures) -> dict[str, Any] | None:
    """What `--json` says of this step: evaluations of all runs but diverged ones; None where there is no such step."""
    deviations = stored.observation_noise
    if not deviations:
        return None
    runs = [state for state in states if state.state != "diverged"]
    missing = {Path(state.run_folder): len(persistence.missing_noise(state.run_folder, deviations)) for state in runs}
    failed = {run: failures[name_of(run)] for run, num in missing.items() if num and failures.get(name_of(run))}
    return {
        "observation_noise": list(deviations),
        "num_evaluations": len(runs) * len(deviations),
        "num_missing": sum(missing.values()),
        "num_missing_of_finished": sum(missing[Path(state.run_folder)] for state in runs if state.state == "finished"),
        "failures": [_failure(run, tries) for run, tries in failed.items()],
    }


def _failure(run: Path, tries: Sequence[Failure]) -> dict[str, Any]:
    return {"run": str(RunId.of(run)), "message": tries[-1].message, "tries": len(tries), "log": str(run / LOG_NAME)}


def in_words(noise: Mapping[str, Any]) -> list[str]:
    """How far this step is, and what has failed, a line each."""
    missing, total = noise["num_missing"], noise["num_evaluations"]
    lines = [f"noise on observations: {total - missing:,} of {total:,} evaluations done, {missing:,} missing"]
    told = "{run} under noise: {message}; tried {tries} times; its log is {log}"
    return [*lines, *(told.format(**failed) for failed in noise["failures"])]


def _told(stored: StoredStudy) -> str:
    deviations = stored.observation_noise
    return f"{len(deviations)} deviations from {deviations[0]:g} to {deviations[-1]:g}"
