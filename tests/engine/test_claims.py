"""Claims: one engine for each study, whatever the others try, and none that a dead one keeps."""

import os
import platform
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from sparserl import persistence
from sparserl.engine import claims
from sparserl.engine.claims import claimed, engine_of, refuse_if_claimed
from sparserl.errors import UserError
from sparserl.processes.identity import Holder, this_process
from waiting import PATIENCE_SECONDS

HOLD = """
import sys, time
from sparserl.engine.claims import claimed
with claimed(sys.argv[1]):
    print("mine", flush=True)
    time.sleep(1000)
"""
RACE = """
import os, sys
from sparserl.errors import UserError
from sparserl.engine.claims import claimed
log, wins = os.open(sys.argv[2], os.O_RDWR | os.O_APPEND | os.O_CREAT), 0
print("ready", flush=True)
sys.stdin.readline()  # until all are
while wins < 34:
    try:
        with claimed(sys.argv[1]):
            os.write(log, f"+{os.getpid():07}\\n".encode())
            os.sched_yield()
            os.write(log, f"-{os.getpid():07}\\n".encode())
        wins += 1
    except UserError:
        pass
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that has the study in `tmp_path`."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "mine\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_engine_is_refused_at_once(holder, tmp_path):
    """While the first one has it: nobody waits for its end, which does not come."""
    who = f"process {holder.pid} on {platform.node()}"
    with pytest.raises(UserError, match=who), claimed(tmp_path):
        pass
    with pytest.raises(UserError, match=who):
        refuse_if_claimed(tmp_path)
    assert holder.poll() is None
    assert engine_of(tmp_path).process_id == holder.pid


def test_a_dead_engine_keeps_nothing(holder, tmp_path):
    holder.kill()
    holder.wait()
    assert (tmp_path / "engine.json").exists()
    assert engine_of(tmp_path) is None
    with claimed(tmp_path):
        assert engine_of(tmp_path).process_id == os.getpid()
    assert engine_of(tmp_path) is None
    assert not (tmp_path / "engine.json").exists()


def test_engines_of_other_machines(tmp_path):
    """One that beats is believed; one that has not for a minute is gone, and so is one from before a restart."""
    write = lambda host: persistence.write_document(
        tmp_path / "engine.json",
        Holder(host=host, boot="another", process_id=os.getpid(), process_start="1")._asdict(),
    )
    write("elsewhere")
    with pytest.raises(UserError, match=f"process {os.getpid()} on elsewhere"), claimed(tmp_path):
        pass
    old = time.time() - claims.STALE_SECONDS - 1.0
    os.utime(tmp_path / "engine.json", (old, old))
    with claimed(tmp_path):
        pass
    write(platform.node())
    with claimed(tmp_path):
        pass


def test_an_engine_that_another_one_has_displaced_does_not_beat_on(tmp_path):
    persistence.write_document(tmp_path / "engine.json", this_process()._asdict())
    other = this_process()._replace(host="elsewhere", boot="another")
    waits = iter("abcd")

    def wait(seconds):
        if next(waits) == "b":
            persistence.write_document(tmp_path / "engine.json", other._asdict())
        return False

    claims._beat(claims.Claimed(tmp_path, None, SimpleNamespace(wait=wait)))
    assert claims._read(tmp_path) == other
    assert next(waits) == "c"  # it left at once, although nobody told it to stop


@pytest.mark.processes
def test_a_hundred_races(tmp_path):
    command = [sys.executable, "-c", RACE, str(tmp_path / "study"), str(tmp_path / "log")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(3)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0
    lines = (tmp_path / "log").read_text().split()
    assert len(lines) == 3 * 34 * 2
    for entered, left in zip(lines[::2], lines[1::2], strict=True):
        assert (entered[0], left[0]) == ("+", "-")
        assert entered[1:] == left[1:]  # nobody came in between
    assert len({line[1:] for line in lines}) == 3


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in its place")
    with pytest.raises(UserError, match="cannot write"), claimed(tmp_path / "file" / "study"):
        pass
