"""What a run is asked beside its experiment: what is only observed, and so no part of its identity."""

from pathlib import Path
from typing import NamedTuple

from sparserl.errors import UserError
from sparserl.persistence.documents import read_document, write_document

_FILE_NAME = "request.json"


class RunRequest(NamedTuple):
    """What a run is to record beside its evaluations."""

    diagnostics: bool = False


def write_request(run_folder: str | Path, request: RunRequest) -> None:
    """Put `request` in place of the run's last one; it holds from the run's next start."""
    write_document(Path(run_folder) / _FILE_NAME, request._asdict())


def read_request(run_folder: str | Path) -> RunRequest:
    """What was last asked of a run; nothing special where nothing was. Raises UserError naming a damaged file."""
    path = Path(run_folder) / _FILE_NAME
    if not path.exists():
        return RunRequest()
    document = read_document(path)
    if document.keys() != set(RunRequest._fields) or not all(isinstance(value, bool) for value in document.values()):
        raise UserError(
            f"{path} is from another version: it must say true or false for {', '.join(RunRequest._fields)}"
        )
    return RunRequest(**document)
