"""Endings: how a run's process has ended, by what it stored and said last; its exit status alone proves nothing.

An environment runs in the same process, and can end it with any exit status that there is.
"""

import signal
import time
from collections.abc import Mapping
from pathlib import Path

from sparserl import persistence
from sparserl.engine.assignments import Assignment, Teller
from sparserl.engine.children import RunProcess, last_words
from sparserl.engine.overview import FINAL, run_state
from sparserl.engine.settings import Settings
from sparserl.processes.outcomes import DIVERGED, ENDINGS, FAILED, FINISHED, INTERRUPTED, NO_ROOM, Outcome

Statuses = Mapping[Path, persistence.Status | None]  # by run, before its process was started


def outcome(worker: RunProcess, assignment: Assignment, cause: str, teller: Teller, before: Statuses) -> Outcome:
    """How the process ended; cause: why it was stopped, hung or stopped, if it was."""
    status, folder = worker.child.process.wait(), Path(assignment.run_folder)
    told, ended = teller.ending, Outcome(folder, "failed", FAILED, "", teller.environment_steps)
    if (result := _result(assignment, tidy=told is None)) is not None:
        return ended._replace(ending=ENDINGS[result], exit_status=result)
    if cause == "hung":
        message = f"it said nothing for {assignment.settings.hang_seconds:g} seconds, and was stopped"
        ended = ended._replace(ending="hung", exit_status=status, message=message)
    elif cause == "stopped" and told != INTERRUPTED:
        early = status == -signal.SIGTERM  # which a worker heeds itself once JAX is there
        how = "stopped while its process started" if early else "it was asked to stop, and killed because it did not"
        _record(worker, before, "interrupted", how)
        return ended._replace(ending="interrupted", exit_status=INTERRUPTED, message="stopped")
    elif told not in (None, FINISHED, DIVERGED):
        return _as_told(worker, ended, told, cause, assignment.settings)
    elif status < 0:
        hint = ", for lack of memory perhaps" if -status in (signal.SIGKILL, signal.SIGABRT) else ""
        message = f"its process was killed by {_signal_name(-status)}{hint}"
        ended = ended._replace(exit_status=status, message=message)
    elif (own := _stored(folder, before, worker.child.process.pid)) is not None:
        return ended._replace(message=own)
    else:
        ended = ended._replace(message=f"the environment ended the process: exit status {status}")
    _record(worker, before, "failed", ended.message)
    return ended


def _result(assignment: Assignment, tidy: bool) -> int | None:
    """FINISHED or DIVERGED where all runs are over, by what is stored; tidy: and nothing is left to clear away."""
    folders, deviations = assignment.run_folders, assignment.settings.observation_noise
    if any(persistence.missing_noise(folder, deviations) for folder in folders):
        return None
    states = [run_state(str(folder)).state for folder in folders]
    if not all(state in FINAL for state in states):
        return None
    if tidy and not all(
        persistence.is_tidy(folder) for folder in folders if run_state(str(folder)).state == "finished"
    ):
        return None
    return FINISHED if "finished" in states else DIVERGED


def _as_told(worker: RunProcess, outcome: Outcome, told: int, cause: str, settings: Settings) -> Outcome:
    """The outcome of a worker that ended by itself, and said how."""
    message = last_words(outcome.run_folder, worker.log_start)
    if told == NO_ROOM and not message.startswith("cannot"):  # the log had no room for more, either
        message = f"no room is left on the disk of {outcome.run_folder}"
    if told == INTERRUPTED and not cause:
        message = "it was stopped by a signal that the engine did not send"
        if time.monotonic() - worker.began < settings.steady_seconds:
            return outcome._replace(exit_status=told, message=message)
    return outcome._replace(ending=ENDINGS[told], exit_status=told, message=message)


def _stored(folder: Path, before: Statuses, process_id: int) -> str | None:
    """What this attempt stored of its failure, if it could say no more; an older one's status is as it was before."""
    status = status_of(folder)
    own = status is not None and status != before.get(folder) and status.process_id == process_id
    return status.message if own and status is not None and status.status == "failed" else None


def status_of(folder: Path) -> persistence.Status | None:
    try:
        return persistence.read_status(folder)
    except persistence.UserError:
        return None


def _record(worker: RunProcess, before: Statuses, status: str, message: str) -> None:
    """Write the statuses that a worker could not write any more."""
    for folder, last in before.items():
        _record_one(folder, worker.child.process.pid, last, status, message)


def _record_one(folder: Path, process_id: int, before: persistence.Status | None, status: str, message: str) -> None:
    """Write it, unless another process holds the run by now or the run was over before."""
    try:
        attempt = persistence.claim(folder)
        try:
            last = persistence.read_status(folder)
            if last == before or (last and last.process_id == process_id and last.status in ("running", "interrupted")):
                known = last or persistence.Status(status)
                if known.status not in FINAL:
                    persistence.write_status(folder, known._replace(status=status, message=message), attempt.scratch)
        finally:
            attempt.release()
    except (persistence.UserError, persistence.Superseded):  # the outcome tells it all the same
        return


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
