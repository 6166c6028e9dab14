"""Claims: one engine for each study, whatever the others try, and none that a dead one keeps."""

import os
import platform
import subprocess
import sys
import time

import pytest

from sparserl import persistence
from sparserl.engine import claims
from sparserl.engine.claims import claimed, engine_of, refuse_if_claimed
from sparserl.errors import UserError
from sparserl.processes.identity import Holder, this_process

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
log = os.open(sys.argv[2], os.O_RDWR | os.O_APPEND | os.O_CREAT)
while os.fstat(log).st_size < 100 * 2 * 9:
    try:
        with claimed(sys.argv[1]):
            os.write(log, f"+{os.getpid():07}\\n".encode())
            os.sched_yield()
            os.write(log, f"-{os.getpid():07}\\n".encode())
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
    began = time.monotonic()
    who = f"process {holder.pid} on {platform.node()}"
    with pytest.raises(UserError, match=who), claimed(tmp_path):
        pass
    with pytest.raises(UserError, match=who):
        refuse_if_claimed(tmp_path)
    assert time.monotonic() - began < 1.0
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


def test_an_engine_that_another_one_has_displaced_does_not_beat_on(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "_BEAT_SECONDS", 0.02)
    with claimed(tmp_path):
        other = this_process()._replace(host="elsewhere", boot="another")
        persistence.write_document(tmp_path / "engine.json", other._asdict())
        time.sleep(0.2)
        assert claims._read(tmp_path) == other


def test_a_hundred_races(tmp_path):
    command = [sys.executable, "-c", RACE, str(tmp_path / "study"), str(tmp_path / "log")]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    lines = (tmp_path / "log").read_text().split()
    assert len(lines) >= 200
    for entered, left in zip(lines[::2], lines[1::2], strict=True):
        assert (entered[0], left[0]) == ("+", "-")
        assert entered[1:] == left[1:]  # nobody came in between
    assert len({line[1:] for line in lines}) > 1


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in its place")
    with pytest.raises(UserError, match="cannot write"), claimed(tmp_path / "file" / "study"):
        pass
