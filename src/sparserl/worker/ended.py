"""Ended: how the last attempt at a run ended, as the status in its folder says."""

from pathlib import Path

from sparserl import persistence
from sparserl.persistence import Attempt, Status
from sparserl.types import UserError


def last_status(run_folder: Path) -> Status | None:
    """The status that a run's folder holds; a damaged file says nothing and will be replaced."""
    try:
        return persistence.read_status(run_folder)
    except persistence.NewerFormat:
        raise
    except UserError:
        return None


def record(attempt: Attempt, status: str, message: str) -> None:
    """Record how an attempt ended that may not have kept anything yet; a finished or diverged run stays so."""
    last = last_status(attempt.run_folder) or Status(status)
    if last.status not in ("finished", "diverged"):
        last = last._replace(status=status, message=message, attempt=attempt.number, process_id=None, host=None)
        persistence.write_status(attempt.run_folder, last, attempt.scratch)


def result_of(run_folder: Path) -> Status | None:
    """The status of a run that is over for good, finished or diverged; None if there is something left to do."""
    status = last_status(run_folder)
    return status if persistence.is_over(run_folder, status) else None
