"""Targets: what kind of film a file's name asks for, and whether it can be written here."""

import tempfile
from pathlib import Path

from sparserl.errors import UserError
from sparserl.video import mp4

DEFAULT_NAME = "video.gif"  # in the folder of a run, where reports look for it
ENDINGS = (".gif", ".mp4")


def require_target(path: Path) -> None:
    """Raises UserError, in one line, where no film can be written at `path`: before anything is computed for it."""
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        line = f"the name of a film ends in {' or '.join(ENDINGS)}"
        raise UserError(line, field="video", value=str(path), names=[str(path.with_suffix(each)) for each in ENDINGS])
    if path.is_dir():
        raise UserError("a folder has this name", field="video", value=str(path))
    _require_folder(path)
    if ending == ".mp4":
        mp4.program()


def _require_folder(path: Path) -> None:
    """The folder is made where it is missing, and a file is made in it: rights alone do not tell."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        line = f"the folder {path.parent} cannot be written: {error.strerror or error}"
        raise UserError(line, field="video", value=str(path)) from error
