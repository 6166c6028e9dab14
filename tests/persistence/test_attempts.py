"""Attempts: one process at a time works on a run, and who has lost it can write nothing more."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from sparserl import persistence
from sparserl.persistence import Busy, Superseded, attempts, claim, is_working, read_lease
from sparserl.processes.identity import this_process
from waiting import PATIENCE_SECONDS, wait_until

ROWS = [dict.fromkeys(persistence.EVALUATION_SCHEMA.names, 0)]
for field in persistence.EVALUATION_SCHEMA:
    ROWS[0][field.name] = "x" if str(field.type) == "string" else 0 if str(field.type) == "int64" else 0.5


def forge(run: Path, attempt: int, released: bool = False, age: float = 0.0, **changes: object) -> None:
    """A lease as another process has written it."""
    holder = {**this_process()._asdict(), **changes}
    lease = {"attempt": attempt, "holder": holder, "renewed": time.monotonic() - age, "released": released}
    persistence.write_document(run / "lease.json", lease)


def a_dead_process() -> dict[str, object]:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return {"process_id": child.pid, "process_start": "1"}


def test_a_living_holder_keeps_its_run_and_is_named(tmp_path: Path) -> None:
    first = claim(tmp_path / "run")
    assert (first.number, first.scratch.is_dir()) == (1, True)
    with pytest.raises(Busy, match=rf"run is being trained by another process, {os.getpid()} on ") as told:
        claim(tmp_path / "run")
    assert "\n" not in str(told.value)
    assert is_working(tmp_path / "run")
    first.release()
    assert not is_working(tmp_path / "run")
    assert not first.scratch.exists()
    assert claim(tmp_path / "run").number == 2


def test_who_is_dead_silent_or_of_an_earlier_boot_loses_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge(tmp_path, 4, **a_dead_process())
    assert not is_working(tmp_path)
    assert claim(tmp_path).number == 5
    forge(tmp_path, 7, age=31.0)  # alive, and stopped perhaps
    assert claim(tmp_path).number == 8
    forge(tmp_path, 9, process_start="1")  # the number of a dead process, used again
    assert claim(tmp_path).number == 10
    looks: list[float] = []
    monkeypatch.setattr(attempts.time, "sleep", looks.append)
    monkeypatch.setattr(attempts.time, "monotonic", lambda: sum(looks))
    forge(tmp_path, 11, boot="another", host="elsewhere")
    assert claim(tmp_path, lease_seconds=0.5).number == 12
    assert sum(looks) >= 0.5  # watched, because clocks of other machines say nothing


@pytest.mark.processes
def test_a_holder_on_another_machine_that_renews_is_believed(tmp_path: Path) -> None:
    forge(tmp_path, 1, boot="another", host="elsewhere")
    assert is_working(tmp_path)
    first = read_lease(tmp_path)
    program = (
        "import sys, time; from pathlib import Path; sys.path[:0] = sys.argv[2:]\n"
        "from test_attempts import forge\n"
        "while True: time.sleep(0.1); forge(Path(sys.argv[1]), 1, boot='another', host='elsewhere')\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path), *sys.path]
    renewing = subprocess.Popen(command)
    try:
        wait_until(lambda: read_lease(tmp_path) != first)
        with pytest.raises(Busy, match="on elsewhere"):
            claim(tmp_path, lease_seconds=PATIENCE_SECONDS)
    finally:
        renewing.kill()
        renewing.wait()


def test_who_has_lost_a_run_can_write_nothing_more(tmp_path: Path) -> None:
    run = tmp_path / "run"
    older = claim(run)
    persistence.write_table(persistence.EVALUATIONS, run, ROWS, older.scratch)
    forge(run, 1, age=60.0)  # it was stopped for a minute
    newer = claim(run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    ring = persistence.Ring({"rows": np.zeros((4, 1))}, 3)
    for write in (
        lambda: persistence.write_table(persistence.EVALUATIONS, run, ROWS * 2, older.scratch),
        lambda: persistence.write_status(run, persistence.Status("finished"), older.scratch),
        lambda: persistence.write_bundle(run / "checkpoint", {}, {}, older.scratch),
        lambda: persistence.write_generation(older, persistence.Kept(), 5, {}, {}, ring),
        lambda: persistence.discard(run / "evaluations.parquet", older.scratch),
        lambda: persistence.drop_generations(older),
        older.renew,
    ):
        with pytest.raises(Superseded, match="a newer attempt has taken the run over"):
            write()
    older.release()  # which takes nothing from the newer one
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    newer.renew()


@pytest.mark.processes
def test_a_writer_stopped_between_making_and_naming_a_file_does_not_name_it(tmp_path: Path) -> None:
    """The moment that a check before each write would leave open: SIGSTOP there, another attempt, SIGCONT."""
    program = """
import os, signal, sys
from pathlib import Path
from sparserl import persistence
from sparserl.persistence import atomic
run = Path(sys.argv[1])
attempt = persistence.claim(run)
atomic.passing = lambda point: os.kill(os.getpid(), signal.SIGSTOP)
try:
    persistence.write_atomically(run / "file", b"older", attempt.scratch)
except persistence.Superseded:
    sys.exit(4)
"""
    older = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)])
    wait_until(lambda: psutil.Process(older.pid).status() == psutil.STATUS_STOPPED)
    with pytest.raises(Busy):
        claim(tmp_path)
    time.sleep(0.05)
    newer = claim(tmp_path, lease_seconds=0.01)
    persistence.write_atomically(tmp_path / "file", b"newer", newer.scratch)
    older.send_signal(signal.SIGCONT)
    assert older.wait(PATIENCE_SECONDS) == 4
    assert (tmp_path / "file").read_bytes() == b"newer"
    assert not list(tmp_path.rglob("*.partial"))


RACER = """
import os, sys, time
from pathlib import Path
from sparserl import persistence
run, start = Path(sys.argv[1]), float(sys.argv[2])
for turn in range(int(sys.argv[3])):
    folder = run / str(turn)
    while time.time() < start + 0.05 * turn:
        pass
    try:
        attempt = persistence.claim(folder)
    except persistence.Busy:
        continue
    alone = os.open(folder / "working", os.O_CREAT | os.O_EXCL)  # fails where two work at once
    with open(folder / "winners", "a") as winners:
        winners.write(f"{attempt.number}\\n")
    time.sleep(0.02)
    os.unlink(folder / "working")
    attempt.release()
"""


@pytest.mark.processes
def test_a_hundred_races_for_a_run(tmp_path: Path) -> None:
    start, turns = time.time() + 2.0, 34
    command = [sys.executable, "-c", RACER, str(tmp_path), str(start), str(turns)]
    racers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for racer in racers:
        told = racer.communicate(timeout=PATIENCE_SECONDS)[1]
        assert racer.returncode == 0, told
    for turn in range(turns):
        winners = (tmp_path / str(turn) / "winners").read_text().split()
        assert winners == [str(number + 1) for number in range(len(winners))]  # each attempt has a number of its own
        assert not list((tmp_path / str(turn)).glob(".*"))


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense", b'{"attempt": "x"}'])
def test_a_damaged_lease_protects_nobody(tmp_path: Path, content: bytes) -> None:
    claim(tmp_path)
    (tmp_path / "lease.json").write_bytes(content)
    assert read_lease(tmp_path) is None
    assert claim(tmp_path).number == 2  # by the folder of the first attempt


def test_a_lease_of_a_newer_format_is_respected(tmp_path: Path) -> None:
    forge(tmp_path, 1)
    path = tmp_path / "lease.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(persistence.NewerFormat, match="newer than this sparserl"):
        claim(tmp_path)
