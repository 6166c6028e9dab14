"""Execution: what a Dask worker does for one run: it starts the run's process, listens to it, and tells how it ended.

It works the same on this machine and on a cluster. It never raises: whatever goes wrong becomes the run's outcome.
"""

import signal
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from sparserl import persistence
from sparserl.engine.assignments import Assignment, Surroundings, Teller, dask_surroundings
from sparserl.engine.children import RunProcess, last_words, start, stop
from sparserl.engine.settings import Settings
from sparserl.processes.outcomes import FAILED, INTERRUPTED, NO_ROOM, Outcome, ending_of
from sparserl.processes.versions import difference, versions

POLL_SECONDS = 0.2  # how soon a stop is noticed


def execute(assignment: Assignment) -> Outcome:
    """Work on a run in this Dask worker's thread until its process has ended; never raises."""
    return work(assignment, dask_surroundings(assignment))


def work(assignment: Assignment, around: Surroundings) -> Outcome:
    """Work on a run until its process has ended; never raises."""
    folder = Path(assignment.run_folder)
    try:
        if other := difference(assignment.versions, versions()):
            return Outcome(folder, "failed", FAILED, f"{socket.gethostname()} has {other}", worker=around.address)
        if not (folder.parent / "experiment.json").exists():
            where = f"{socket.gethostname()} does not see {folder.parent}: all workers need the same results directory"
            return Outcome(folder, "failed", FAILED, where, worker=around.address)
        return _work(assignment, folder, around)
    except Exception as error:
        message = f"{type(error).__name__}: {error}".splitlines()[0]
        status = NO_ROOM if persistence.is_disk_full(error) else FAILED
        return Outcome(folder, "failed", status, message, worker=around.address)


def _work(assignment: Assignment, folder: Path, around: Surroundings) -> Outcome:
    worker = start(assignment.run_folders, assignment.settings)
    teller = Teller(assignment, around)
    try:
        teller.tell("started", process_id=worker.child.process.pid)
        cause = _listen(worker, assignment.settings, teller, around)
        outcome = _outcome(worker, assignment, cause, teller)._replace(worker=around.address)
    finally:
        stop(worker, 0.0)
    teller.tell("ended")
    return outcome


def _listen(worker: RunProcess, settings: Settings, teller: Teller, around: Surroundings) -> str:
    """Pass on what the worker says until it has ended; why it was stopped, if we stopped it."""
    heard = time.monotonic()
    while True:
        lines = worker.lines(POLL_SECONDS)
        if lines is None:
            return ""
        if lines:
            heard = time.monotonic()
        for line in lines:
            teller.hear(line)
        teller.pass_on(settings.alive_seconds)
        cause = "stopped" if around.is_stopped() else "hung" if time.monotonic() - heard > settings.hang_seconds else ""
        if cause:
            stop(worker, settings.stop_seconds)
            return cause


def _outcome(worker: RunProcess, assignment: Assignment, cause: str, teller: Teller) -> Outcome:
    status, steps, folder = worker.child.process.wait(), teller.environment_steps, Path(assignment.run_folder)
    if cause == "hung":
        message = f"it said nothing for {assignment.settings.hang_seconds:g} seconds, and was stopped"
        _record(assignment.run_folders, worker.child.process.pid, "failed", message)
        return Outcome(folder, "hung", status, message, steps)
    if cause == "stopped" and status < 0:
        _record(
            assignment.run_folders,
            worker.child.process.pid,
            "interrupted",
            "it was asked to stop, and killed because it did not",
        )
        return Outcome(folder, "interrupted", INTERRUPTED, "stopped", steps)
    if status < 0:
        hint = ", for lack of memory perhaps" if -status in (signal.SIGKILL, signal.SIGABRT) else ""
        message = f"its process was killed by {_signal_name(-status)}{hint}"
        _record(assignment.run_folders, worker.child.process.pid, "failed", message)
        return Outcome(folder, "failed", status, message, steps)
    message = last_words(folder, worker.log_start) if status else ""
    if status == NO_ROOM and not message.startswith("cannot"):  # the log had no room for more, either
        message = f"no room is left on the disk of {folder}"
    return Outcome(folder, ending_of(status), status, message, steps)


def _record(folders: Sequence[Path], process_id: int, status: str, message: str) -> None:
    """Write the statuses that a killed worker could not write any more."""
    for folder in folders:
        _record_one(folder, process_id, status, message)


def _record_one(folder: Path, process_id: int, status: str, message: str) -> None:
    """Write it, unless another process holds the run by now or the run was over before."""
    try:
        attempt = persistence.claim(folder)
        try:
            last = persistence.read_status(folder)
            if last is not None and last.process_id == process_id and last.status in ("running", "interrupted"):
                persistence.write_status(folder, last._replace(status=status, message=message), attempt.scratch)
        finally:
            attempt.release()
    except (persistence.UserError, persistence.Superseded):  # the outcome tells it all the same
        return


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
