"""R17: as the kernel sees it, a commit is written, synced, renamed, and its folder synced: power may fail anywhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from stored_run import store
store(Path(sys.argv[1]) / "dqn-static" / "seed=0").release()
"""
CALLS = "openat,fsync,rename,renameat,renameat2,close"


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_every_rename_comes_after_a_sync_and_before_one(tmp_path):
    trace = tmp_path / "trace"
    command = [
        "strace",
        "-f",
        "-y",
        "-s",
        "500",
        "-e",
        f"trace={CALLS}",
        "-o",
        str(trace),
        sys.executable,
        "-c",
        PROGRAM,
    ]
    place = tmp_path / "results"
    done = subprocess.run(
        [*command, str(place), str(Path(__file__).parent)], capture_output=True, text=True, check=False
    )
    if done.returncode and "ptrace" in done.stderr:
        pytest.skip("this machine lets us trace no process")
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in trace.read_text().splitlines() if str(place) in line and " = -1 " not in line]
    named = [(index, *match.groups()) for index, line in enumerate(lines) if (match := RENAME.search(line))]
    commits = [entry for entry in named if entry[1].endswith(".partial") and ".attempt=" not in Path(entry[2]).name]
    commits = [entry for entry in commits if not entry[2].endswith(".partial")]
    assert len(commits) >= 14  # experiment, lease twice, tables, request, status, checkpoint, 2 generations, 2 segments
    for index, source, target in commits:
        synced = [SYNC.search(line)[1] for line in lines[:index] if SYNC.search(line)]
        written = [line for line in lines[:index] if "O_CREAT" in line and source in line]
        assert written, target
        for line in written:
            path = re.search(r'"([^"]+)"', line)[1]
            assert path in synced, f"{path} was not synced before it became part of {target}"
        after = [SYNC.search(line)[1] for line in lines[index + 1 : index + 12] if SYNC.search(line)]
        assert str(Path(target).parent) in after, f"the folder of {target} was not synced"


RENAME = re.compile(r'rename(?:at2?)?\(.*?"([^"]+)".*?"([^"]+)"')
SYNC = re.compile(r"fsync\(\d+<([^>]+)>\)")
