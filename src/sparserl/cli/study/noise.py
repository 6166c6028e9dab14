"""Noise: what is left of a study's evaluations under noise on observations, and what is told of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sparserl import persistence
from sparserl.engine.failures import Failures
from sparserl.engine.overview import RunState
from sparserl.engine.retries import Failure, Retries, gives_up
from sparserl.persistence import RunId
from sparserl.persistence.studies import StoredStudy
from sparserl.processes.outcomes import LOG_NAME


def name_of(run_folder: Path) -> str:
    """What the failures of a run's evaluation under noise are kept under, beside those of its training."""
    return f"{RunId.of(run_folder)} under noise"


def open_runs(stored: StoredStudy, states: Sequence[RunState], failures: Failures, retries: Retries) -> list[Path]:
    """The finished runs that lack some evaluation under noise, and are not given up."""
    finished = [Path(state.run_folder) for state in states if state.state == "finished"]
    lacking = [run for run in finished if persistence.missing_noise(run, stored.observation_noise)]
    return [run for run in lacking if not gives_up(failures.get(name_of(run), ()), retries)]


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
