"""Places: where this user's caches and temporary files go, if anywhere. What is cached only saves time."""

import os
import pwd
import tempfile
from contextlib import suppress
from pathlib import Path

NO_PLACE = "no folder for caches can be written (XDG_CACHE_HOME may name one)"


def user_cache() -> Path | None:
    """`sparserl` in the cache of this user; None where there is no such place that can be written.

    A variable that is empty or names no absolute path is as if unset. In containers a user may have neither a home nor
    a name, or a home that is not theirs.
    """
    home = _absolute(os.environ.get("HOME")) or _absolute(_home_of_user())
    cache = _absolute(os.environ.get("XDG_CACHE_HOME")) or (home / ".cache" if home else None)
    if cache is None:
        return None
    folder = cache / "sparserl"
    with suppress(OSError):
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
            return folder
    return None


def _absolute(path: str | None) -> Path | None:
    return Path(path) if path and Path(path).is_absolute() else None


def _home_of_user() -> str | None:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None


def not_kept() -> str | None:
    """One line that says that nothing is kept from one command to the next, and why; None where it can be."""
    if user_cache() or os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return None
    return f"compiled programs and calibrations are not kept, which only costs time: {NO_PLACE}"


def ensure_temporary(results: Path) -> None:
    """Put temporary files, those of children too, into a folder of results where nothing else can be written."""
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        folder = results.absolute() / ".temporary"
        with suppress(OSError):  # whoever needs one will say so
            folder.mkdir(parents=True, exist_ok=True)
            os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
