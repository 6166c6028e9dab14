"""Positions on disk: what a sink has passed on, in one file of its own that is replaced as a whole."""

from collections.abc import Mapping
from pathlib import Path

from sparserl import persistence
from sparserl.errors import UserError
from sparserl.sinks.events import Position

_FILE_NAME = "state.json"


def write_positions(folder: Path, positions: Mapping[str, Position]) -> None:
    """Put `positions` in place of those stored before; they are on the disk when this returns."""
    persistence.write_document(folder / _FILE_NAME, {"runs": {run: list(where) for run, where in positions.items()}})


def read_positions(folder: Path) -> dict[str, Position]:
    """What was stored last, nothing if nothing was. Raises UserError, telling the remedy, where it is damaged."""
    path = folder / _FILE_NAME
    if not path.exists():
        return {}
    try:
        runs = persistence.read_document(path)["runs"]
        return {run: Position(int(rows), int(diagnoses), str(mark)) for run, (rows, diagnoses, mark) in runs.items()}
    except (UserError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} cannot be read, so that it is not known what was passed on: move {folder} away to pass on all "
            f"again ({error})"
        ) from error
