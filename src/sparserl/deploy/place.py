"""Place: an output folder that appears whole or not at all, and that one export at a time may write.

All is made in `.<name>.partial` beside it, which a process holds for as long as it lives and which is then renamed.
What a killed process left there is swept by the next export to the same place.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sparserl.persistence.atomic import PARTIAL, is_disk_full, make_folder, sync_folder, user_error
from sparserl.types import UserError


@contextmanager
def output_folder(output: Path) -> Iterator[Path]:
    """A new folder to write into, which becomes `output` at the end; where something is raised, nothing is left.

    Raises `UserError` where `output` is there and not empty, in use by another export, or cannot be written.
    """
    output = _without_steps_up(output.absolute())
    require_free(output)
    made = [folder for folder in (output.parent, *output.parent.parents) if not folder.exists()]
    partial = output.with_name(f".{output.name}{PARTIAL}")
    held = -1
    try:
        with user_error("write", output):
            make_folder(output.parent)
            held = _hold(partial, output)
            _sweep(partial)
        with _room(output):
            yield partial
        with user_error("write", output):
            for file in [*partial.rglob("*")]:
                _sync(file)
            sync_folder(partial)
            require_free(output)
            os.rename(partial, output)
            sync_folder(output.parent)
    except BaseException:
        if held >= 0:
            shutil.rmtree(partial, ignore_errors=True)
        for folder in made:
            with suppress(OSError):  # somebody else may have put something there
                folder.rmdir()
        raise
    finally:
        if held >= 0:
            os.close(held)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for what is needed for a moment. Raises UserError where nothing temporary can be written."""
    try:
        made = tempfile.TemporaryDirectory(prefix="sparserl-")
    except OSError as error:
        raise UserError(f"no temporary files can be written: {error.strerror}; name a folder in TMPDIR") from error
    with made as folder:
        yield Path(folder)


@contextmanager
def _room(output: Path) -> Iterator[None]:
    """Tell that `output` cannot be written, for lack of room perhaps; errors that name a file tell it themselves."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and not is_disk_full(error):
            raise
        with user_error("write", output):
            raise


def require_free(output: Path) -> None:
    """Raises UserError unless `output` is not there, or an empty folder, which an export may take the place of."""
    with user_error("write", output):
        if output.is_symlink() or (output.exists() and not output.is_dir()):
            raise UserError("it is a file or a link: choose another folder", field="output", value=str(output))
        if output.is_dir() and any(output.iterdir()):
            raise UserError("it is not empty: choose another folder", field="output", value=str(output))
        if output.is_dir() and (lasting := _lasting(output)):
            line = f"it is {lasting}, and a new folder would take its place: choose one inside it"
            raise UserError(line, field="output", value=str(output))


def _lasting(folder: Path) -> str | None:
    """What a folder is that cannot be replaced, or whose replacement would not be seen from where the user is."""
    if os.path.ismount(folder):
        return "a file system of its own"
    with suppress(FileNotFoundError):  # the current folder has been removed
        if folder.samefile(os.curdir):
            return "the current folder"
    return None


def _without_steps_up(output: Path) -> Path:
    """The same place without `..`, which a folder of another name cannot be beside."""
    if ".." not in output.parts or output.is_symlink():
        return output
    return Path(os.path.realpath(output))


def _hold(partial: Path, output: Path) -> int:
    """Make the folder and hold it, as a descriptor, until that is closed or the process ends."""
    while True:
        partial.mkdir(exist_ok=True)
        try:
            descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # whoever had it is done
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise UserError("another export writes it now", field="output", value=str(output)) from None
        except OSError:  # no locks here
            pass
        with suppress(FileNotFoundError):
            if os.stat(partial).st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)


def _sweep(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _sync(path: Path) -> None:
    """Wait until a file's content, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
