"""Execution: what a Dask worker does for one run: it starts the run's process, listens to it, and tells how it ended.

It works the same on this machine and on a cluster. It never raises: whatever goes wrong becomes the run's outcome.
"""

import socket
import time
from pathlib import Path

from sparserl import persistence
from sparserl.engine import endings
from sparserl.engine.assignments import Assignment, Surroundings, Teller, dask_surroundings
from sparserl.engine.children import RunProcess, end, start, stop, was_killed
from sparserl.engine.settings import Settings
from sparserl.processes.outcomes import FAILED, NO_ROOM, Outcome
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
    before = {folder: endings.status_of(folder) for folder in assignment.run_folders}
    teller = Teller(assignment, around)
    worker = start(assignment.run_folders, assignment.settings)
    try:
        teller.tell("started", process_id=worker.child.process.pid)
        cause = _listen(worker, assignment.settings, teller, around)
        outcome = endings.outcome(worker, assignment, cause, teller, before)._replace(worker=around.address)
    finally:
        stop(worker)
    teller.tell("ended")
    return outcome


def _listen(worker: RunProcess, settings: Settings, teller: Teller, around: Surroundings) -> str:
    """Pass on what the worker says until it has ended; why it was stopped, if we stopped it."""
    heard = time.monotonic()
    while True:
        lines = worker.lines(POLL_SECONDS)
        if lines is None:
            return "stopped" if was_killed(worker) else ""
        if lines:
            heard = time.monotonic()
        for line in lines:
            teller.hear(line)
        teller.pass_on(settings.alive_seconds)
        cause = "stopped" if around.is_stopped() else "hung" if time.monotonic() - heard > settings.hang_seconds else ""
        if cause:
            for line in end(worker, settings.stop_seconds):
                teller.hear(line)
            return cause
