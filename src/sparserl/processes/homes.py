"""Homes: `~` in a path is the home folder, also where a shell leaves that to us, as it does in `--output=~/x`."""

import os
from pathlib import Path

from sparserl.errors import UserError


def at_home(path: str | os.PathLike[str]) -> Path:
    """`path` with `~` and `~user` as home folders. Raises UserError for one that is not known here, or for no path."""
    if not isinstance(path, str | os.PathLike):
        raise UserError(f"it takes a path, and {path!r} is of type {type(path).__name__}")
    text = os.fspath(path)
    expanded = os.path.expanduser(text)
    if text.startswith("~") and expanded == text and not os.path.lexists(text):
        raise UserError(f"{text}: the home folder {text.partition('/')[0]} is not known here; write its whole path")
    return Path(expanded)
