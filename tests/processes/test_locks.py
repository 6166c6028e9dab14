"""Locks: one process holds a file, and loses it when it ends, however it ends."""

import errno
import fcntl
import subprocess
import sys

import pytest

from sparserl.processes.locks import try_lock, wait_for_lock

HOLDER = """
import sys, time
from pathlib import Path
from sparserl.processes.locks import try_lock
lock = try_lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("lock", [try_lock, wait_for_lock])
def test_a_lock_is_held_until_it_is_closed(tmp_path, lock):
    with lock(tmp_path / "lock"), pytest.raises(BlockingIOError):
        try_lock(tmp_path / "lock")
    try_lock(tmp_path / "lock").close()


def test_a_lock_ends_with_its_process(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError):
            try_lock(tmp_path / "lock")
        holder.kill()
        wait_for_lock(tmp_path / "lock").close()


@pytest.mark.parametrize("lock", [try_lock, wait_for_lock])
def test_a_file_system_without_locks_guards_nothing(tmp_path, monkeypatch, lock):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with lock(tmp_path / "lock"), lock(tmp_path / "lock"):
        pass


@pytest.mark.parametrize("lock", [try_lock, wait_for_lock])
def test_a_folder_that_is_not_there(tmp_path, lock):
    with pytest.raises(FileNotFoundError):
        lock(tmp_path / "nowhere" / "lock")
