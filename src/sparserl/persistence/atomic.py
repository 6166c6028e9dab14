"""Files that appear whole or not at all, whatever kills the writer: a process, a full disk or the power."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sparserl.errors import DiskFull, UserError
from sparserl.persistence.kill_points import passing

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the last: a limit of the shell, `ulimit -f`
PARTIAL = ".partial"  # the ending of everything that is not whole yet


class Superseded(Exception):
    """The folder through which a worker writes is gone: a newer attempt has taken its run over."""


def write_atomically(path: str | Path, content: bytes, through: Path | None = None) -> None:
    """Put `content` at `path`, so that every reader at any time finds the old file or the new one.

    Folders on the way are made. The file's mode follows the umask. One process at a time may write a path. through: the
    folder on the same file system in which the file is made before it gets its name; default: beside `path`.
    Raises UserError, naming the folder and the cause, where the folder cannot be written (DiskFull for want of room),
    and Superseded where `through` is gone; the old file is then untouched.
    """
    path = Path(path)
    partial = partial_path(path, through)
    with user_error("write", path.parent, len(content)), superseded(through):
        make_folder(path.parent)
        try:
            write_synced(partial, content)
            passing("commit")
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        sync_folder(path.parent)


def discard(path: str | Path, through: Path) -> None:
    """Remove a file or a folder by way of the folder `through`. Raises Superseded where that is gone."""
    path = Path(path)
    aside = partial_path(path, through)
    with user_error("remove", path), superseded(through):
        try:
            os.rename(path, aside)
        except FileNotFoundError:
            if not through.exists():
                raise
            return
        _remove(aside)


def sweep_partial(folder: str | Path) -> list[Path]:
    """Remove what killed writers left in `folder` (not below it), and return what was removed.

    For the one process that writes this folder, before it starts: it would take a living writer's file as well.
    """
    leftovers = sorted(Path(folder).glob("*" + PARTIAL))
    with user_error("sweep", Path(folder)):
        for path in leftovers:
            _remove(path)
    return leftovers


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def partial_path(path: Path, through: Path | None = None) -> Path:
    """A new hidden name beside `path`, or in `through`: on the same file system, where a rename is atomic."""
    return (through or path.parent) / f".{path.name}.{secrets.token_hex(4)}{PARTIAL}"


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file and wait until its content is on the disk, so that a later rename never names empty blocks."""
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in `folder` are on the disk: a rename is only safe from a power cut after this."""
    if os.name == "nt":  # Windows opens no folders and keeps their names in its journal
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make `folder` and the folders above it, and wait until their names are on the disk."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


@contextmanager
def superseded(through: Path | None) -> Iterator[None]:
    """Tell an error as Superseded where it is for lack of the folder `through`."""
    try:
        yield
    except OSError as error:
        if through is None or through.exists():
            raise
        raise Superseded(f"{through} is gone: a newer attempt has taken the run over") from error


@contextmanager
def user_error(verb: str, path: Path, num_bytes: int | None = None) -> Iterator[None]:
    """Tell an operating system error about `path` as one UserError line; where the disk is full, what was needed."""
    try:
        yield
    except OSError as error:
        line = f"cannot {verb} {path}: {error.strerror or error}"
        if isinstance(error, FileExistsError | NotADirectoryError):
            line += ": a file or a broken link is where a folder is needed; move it away"
        if not is_disk_full(error):
            raise UserError(line) from error
        raise DiskFull(f"{line}; {num_bytes:,} bytes are needed" if num_bytes else line) from error


def is_disk_full(error: BaseException) -> bool:
    """Whether an error of the operating system is for want of room: on the disk, or in what its owner may use."""
    return isinstance(error, OSError) and error.errno in _FULL
