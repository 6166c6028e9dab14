"""Modules of people's own, which are not installed: they lie in the current directory, or beside a study file.

Such a folder is looked in after all others, so that a file in it, `random.py` say, never hides a module of that name.
"""

import importlib
import os
import sys
from types import ModuleType

_folders: list[str] = []


def imported(name: str) -> ModuleType:
    """The module of this name, from the current directory where no other place has it; raises as an import does."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        folder = _current()
        if not _is_part(error.name, name) or folder is None or folder in sys.path:
            raise
    look_last_in(folder)  # from now on, for what the module imports later
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if _is_part(error.name, name):
            sys.path.remove(folder)
            _folders.remove(folder)
        raise


def look_last_in(folder: str) -> None:
    """Have this folder's modules found, too, here and in the processes that this one starts."""
    if folder not in sys.path:
        sys.path.append(folder)
    if folder not in _folders:
        _folders.append(folder)


def folders() -> tuple[str, ...]:
    """Those that modules were looked for in so far, for whoever goes on elsewhere."""
    return tuple(_folders)


def look_here_last() -> None:
    """Undo that `python -m` looks in the current directory before all others."""
    if not sys.flags.safe_path and sys.path[0] == _current():
        look_last_in(sys.path.pop(0))


def _is_part(part: str | None, name: str) -> bool:
    """Whether a module that is missing is the one asked for, or a package that it is in."""
    return part is not None and f"{name}.".startswith(f"{part}.")


def _current() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was deleted
        return None
