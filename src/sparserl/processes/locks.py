"""Locks: a file that one process at a time holds, until it closes the file or ends, however it ends.

The kernel's own locks and no library's: there is nothing to clean up after a kill, and a process that waits sleeps.
On a file system without them a file is opened and guards nothing; whoever cannot do with that needs a lease as well.
"""

import fcntl
from contextlib import suppress
from pathlib import Path
from typing import IO


def try_lock(path: Path) -> IO[str]:
    """Hold `path` until what this returns is closed. Raises BlockingIOError at once where another process holds it."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    except OSError:  # no locks here
        pass
    return file


def wait_for_lock(path: Path) -> IO[str]:
    """Hold `path` until what this returns is closed, as soon as nobody else holds it any more."""
    file = path.open("a")
    with suppress(OSError):  # no locks here
        fcntl.flock(file, fcntl.LOCK_EX)
    return file
