"""Recording: runs that a study wants diagnostics of, those that were begun without, and their new beginning."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sparserl import persistence


def lacking(runs: Iterable[Path]) -> list[Path]:
    """The runs that have begun, or are over, without diagnostics; what these build on is known from the start alone."""
    return [run for run in runs if (run / "evaluations.parquet").exists() and not persistence.has_diagnostics(run)]


def ask(runs: Iterable[Path]) -> None:
    """Have runs record diagnostics; what another study asked of a run that both share stays asked."""
    for run in runs:
        if not persistence.read_request(run).diagnostics:
            persistence.write_request(run, persistence.RunRequest(diagnostics=True))


def set_aside(runs: Sequence[Path]) -> tuple[list[Path], list[persistence.Busy]]:
    """Move runs out of the way, so that they begin anew: those that were moved, and why others were not.

    Nothing is deleted: `seed=3` becomes `without-diagnostics.seed=3` beside it.
    """
    moved, busy = [], []
    for run in runs:
        try:
            attempt = persistence.claim(run)
        except persistence.Busy as error:
            busy.append(error)
            continue
        attempt.move(_free(run.with_name(persistence.ASIDE + run.name))).release()
        moved.append(run)
    return moved, busy


def _free(place: Path) -> Path:
    """The first of `place`, `place.2`, `place.3` ... that is not there yet."""
    number, free = 1, place
    while free.exists():
        number, free = number + 1, place.with_name(f"{place.name}.{number + 1}")
    return free
