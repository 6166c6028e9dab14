"""Whoever is killed, and whatever is full or forbidden: readers find the old content or the new, never a mixture."""

import os
import re
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sparserl.persistence import atomic as atomic_module
from sparserl.persistence import sweep_partial, write_atomically
from sparserl.types import UserError
from waiting import PATIENCE_SECONDS

# One process imports the room once, then kills its own children at random moments, 20 for each kind of writer.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
from sparserl.persistence import read_bundle, sweep_partial, write_atomically, write_bundle

folder, random_numbers = Path(sys.argv[1]), random.Random(7)
contents = [bytes([value]) * 300_000 for value in (1, 2)]

def write_file(turn):
    write_atomically(folder / "file", contents[turn % 2])

def read_file():
    assert (folder / "file").read_bytes() in contents

def write_checkpoint(turn):
    write_bundle(folder / "checkpoint", {"a": np.full(20_000, turn), "b": np.full(3, -turn)}, {"turn": turn})

def read_checkpoint():
    arrays, document = read_bundle(folder / "checkpoint")
    assert (arrays["a"] == document["turn"]).all() and (arrays["b"] == -document["turn"]).all()

leftovers = 0
for write, read in ((write_file, read_file), (write_checkpoint, read_checkpoint)):
    write(1)
    kills = 0
    while kills < 20 or not leftovers:  # at least one writer is hit in the middle of its work
        kills += 1
        child = os.fork()
        if child == 0:
            turn = 0
            while True:
                turn += 1
                write(turn)
        time.sleep(random_numbers.uniform(0.005, 0.06))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        read()
        leftovers += len(sweep_partial(folder))
    write(1)
    read()
print(sorted(path.name for path in folder.iterdir()))
"""


def run_script(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS)


@pytest.mark.processes
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills its own children")
def test_kill_9_leaves_the_old_or_the_new_content(tmp_path: Path) -> None:
    result = run_script(KILLER, tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.strip() == "['checkpoint', 'file']"


def test_commits_in_the_order_that_a_power_cut_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        calls.append("fsync folder" if is_folder else f"fsync file of {os.fstat(descriptor).st_size} bytes")
        fsync(descriptor)

    def record_replace(source: Path, target: Path) -> None:
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(atomic_module.os, "fsync", record_fsync)
    monkeypatch.setattr(atomic_module.os, "replace", record_replace)
    write_atomically(tmp_path / "file", b"12345")
    assert calls == ["fsync file of 5 bytes", "replace", "fsync folder"]
    calls.clear()
    write_atomically(tmp_path / "new" / "newer" / "file", b"")
    assert calls[:2] == ["fsync folder", "fsync folder"], "the names of new folders have to survive as well"


def test_mode_follows_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_sweep_takes_partial_files_and_folders_only(tmp_path: Path) -> None:
    (tmp_path / ".file.ab12.partial").write_bytes(b"half")
    (tmp_path / ".checkpoint.cd34.partial").mkdir()
    (tmp_path / ".checkpoint.cd34.partial" / "arrays").write_bytes(b"half")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"whole")
    (tmp_path / ".link.partial").symlink_to(outside)
    assert len(sweep_partial(tmp_path)) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["outside"]
    assert (outside / "kept").exists()
    assert sweep_partial(tmp_path / "nowhere") == []


def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(UserError, match=r"^cannot write .*taken: .*(exists|Not a directory)") as told:
        write_atomically(tmp_path / "taken" / "file", b"content")
    assert "\n" not in str(told.value)


def test_an_unwritable_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):  # the superuser may write everywhere but here
        folder = Path("/proc/self")
        if not folder.exists():
            pytest.skip("no folder refuses the superuser on this system")
    with pytest.raises(UserError, match=rf"^cannot write {folder}: \w+"):
        write_atomically(folder / "file", b"content")


def test_a_full_disk_keeps_the_old_file_and_bundle(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    script = """
    import resource, sys
    from pathlib import Path
    import numpy as np
    from sparserl.persistence import UserError, write_atomically, write_bundle, read_bundle
    folder = Path(sys.argv[1])
    write_atomically(folder / "file", b"old")
    write_bundle(folder / "checkpoint", {"a": np.zeros(3)}, {"age": "old"})
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    for write in (
        lambda: write_atomically(folder / "file", bytes(200_000)),
        lambda: write_bundle(folder / "checkpoint", {"a": np.zeros(30_000)}, {"age": "new"}),
    ):
        try:
            write()
        except UserError as error:
            print(error)
    assert (folder / "file").read_bytes() == b"old"
    assert read_bundle(folder / "checkpoint")[1] == {"age": "old"}
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint", "file"]
    """
    result = run_script(script, tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert lines[0] == f"cannot write {tmp_path}: File too large; 200,000 bytes are needed"
    assert re.fullmatch(
        rf"cannot write {re.escape(str(tmp_path / 'checkpoint'))}: File too large; 24.,... bytes are needed", lines[1]
    )
