"""A small disk in memory that tests fill; where this machine lets us mount none, they are skipped."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest


@contextmanager
def small_disk(folder, num_bytes):
    """An empty disk of `num_bytes` below `folder`, until the block ends."""
    disk = folder / "disk"
    disk.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={num_bytes}", "tmpfs"]
    if os.name != "posix" or subprocess.run(["mount", *options, str(disk)], capture_output=True).returncode:
        pytest.skip("this machine lets us mount no small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk, room=0):
    """Leave about `room` bytes free, and return the file that takes the rest: without it there is room again."""
    filler = disk / "filler"
    filler.write_bytes(bytes(max(shutil.disk_usage(disk).free - room, 0)))
    return filler
