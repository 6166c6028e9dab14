"""Failures: what went wrong in the runs of a study, kept beside its plan, so that retries are counted over engines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sparserl import persistence
from sparserl.engine.retries import Failure
from sparserl.errors import UserError

_FILE_NAME = "failures.json"

Failures = dict[str, tuple[Failure, ...]]  # by run: <experiment id>/seed=<n>


def read_failures(folder: str | Path) -> Failures:
    """The failures that the study in `folder` has had, by run. Raises UserError naming a damaged file."""
    path = Path(folder) / _FILE_NAME
    if not path.exists():
        return {}
    try:
        document = persistence.read_document(path)
    except persistence.NewerFormat:
        raise
    except UserError as error:
        raise UserError(f"{error}; `sparserl study retry` forgets the failures, and goes on") from error
    try:
        return {name: tuple(Failure(**each) for each in failures) for name, failures in document["runs"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is from another version of sparserl: {error}") from error


def write_failures(folder: str | Path, failures: Mapping[str, Sequence[Failure]]) -> None:
    """Replace what is kept of a study's failures."""
    runs = {name: [each._asdict() for each in of_run] for name, of_run in failures.items()}
    persistence.write_document(Path(folder) / _FILE_NAME, {"runs": runs})
