"""Stopping: whatever ends an engine, its workers store and end soon, and nothing is left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine import dask_cluster, fake_worker
from engine.fake_worker import plan, tries
from sparserl import persistence
from waiting import PATIENCE_SECONDS, is_gone, wait_until

pytestmark = pytest.mark.processes

# An engine of two workers, or of a scheduler's, for the runs given; it heeds signals although tests run in background.
ENGINE = """
import signal, sys
from pathlib import Path
from sparserl import engine
from sparserl.engine import cluster, desk
from sparserl.engine.settings import Settings
from sparserl.engine.retries import Retries
desk.STOP_SECONDS = 3600.0
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
settings = Settings(program=(sys.argv[1],), stop_seconds=float(sys.argv[2]), alive_seconds=0.3, silence_seconds=3.0)
with cluster.connected(sys.argv[3] or None, None if sys.argv[3] else 2) as client:
    try:
        engine.run(client, [Path(word) for word in sys.argv[4:]], settings, Retries(), lambda news: None)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        sys.exit(130)
"""

STARTED = []


@pytest.fixture(autouse=True)
def no_engine_is_left():
    """A test that fails leaves none to the tests after it."""
    yield
    while STARTED:
        engine = STARTED.pop()
        if not engine.stdout.closed:
            engine.kill()
            engine.communicate()


def start(folders, stop_seconds=60.0, scheduler="", **environment):
    """An engine in a process of its own, once all that it can work on at once have started."""
    words = [fake_worker.HERE, str(stop_seconds), scheduler, *map(str, folders)]
    pipe = subprocess.PIPE
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, *words], stdout=pipe, stderr=pipe, text=True, env={**os.environ, **environment}
    )
    STARTED.append(engine)
    begun = lambda: sum(persistence.read_status(folder) is not None for folder in folders)
    wait_until(lambda: begun() >= 2 or engine.poll() is not None)
    assert engine.poll() is None, engine.communicate()
    return engine


def workers(folders):
    return [process for folder in folders for process in tries(folder)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_and_each_stores(tmp_path, number):
    folders = [plan(tmp_path, name, "work") for name in "abc"]
    engine = start(folders)
    engine.send_signal(number)
    out, err = engine.communicate(timeout=PATIENCE_SECONDS)
    assert (engine.returncode, out, err) == (130, "interrupted\n", "")
    assert len(workers(folders)) == 2
    assert all(map(is_gone, workers(folders)))
    assert sorted(str(read.status) for read in map(persistence.read_status, folders) if read) == ["interrupted"] * 2


def test_a_deaf_worker_is_killed_when_its_time_is_over(tmp_path):
    folders = [plan(tmp_path, name, "hang") for name in "ab"]
    engine = start(folders, stop_seconds=1.0)
    engine.send_signal(signal.SIGINT)
    assert engine.communicate(timeout=PATIENCE_SECONDS) == ("interrupted\n", "")
    assert all(map(is_gone, workers(folders)))
    assert persistence.read_status(folders[0]).status == "interrupted"


def test_a_second_signal_stops_at_once(tmp_path):
    folders = [plan(tmp_path, name, "hang") for name in "ab"]
    engine = start(folders, stop_seconds=3600.0)
    engine.send_signal(signal.SIGINT)
    time.sleep(0.5)  # two signals of one number at once are one
    assert engine.poll() is None
    engine.send_signal(signal.SIGINT)
    engine.communicate(timeout=PATIENCE_SECONDS)
    assert engine.returncode == 130
    wait_until(lambda: all(map(is_gone, workers(folders))))


def test_no_worker_outlives_an_engine_that_is_killed(tmp_path):
    """Nor does a file: Dask's scratch folders are gone after the next start."""
    folders = [plan(tmp_path, name, "work") for name in "ab"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    engine = start(folders, TMPDIR=str(scratch))
    engine.kill()
    engine.communicate()
    wait_until(lambda: all(map(is_gone, workers(folders))))
    before = leftovers(scratch)
    for folder in folders:
        (folder / "go").touch()
    again = subprocess.Popen(
        [sys.executable, "-c", ENGINE, fake_worker.HERE, "60", "", *map(str, folders)],
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    assert again.wait(PATIENCE_SECONDS) == 0
    assert leftovers(scratch) == [], before
    assert not list(tmp_path.rglob("*.partial"))
    assert not list(tmp_path.rglob(".attempt=*"))
    assert {persistence.read_status(folder).status for folder in folders} == {"finished"}


def leftovers(scratch):
    """What is in there but the empty lock files that claims and Dask keep."""
    return [str(path) for path in Path(scratch).rglob("*") if path.is_file() and path.stat().st_size > 0]


def test_a_cluster_stops_the_runs_of_an_engine_that_is_killed(tmp_path):
    folders = [plan(tmp_path / "results", name, "work") for name in "ab"]
    with dask_cluster.running(tmp_path / "dask", 2) as dask:
        engine = start(folders, scheduler=dask.address)
        engine.kill()
        engine.communicate()
        wait_until(lambda: all(map(is_gone, workers(folders))))
        assert [process.poll() for process in dask.workers] == [None, None]
    assert {persistence.read_status(folder).status for folder in folders} == {"interrupted"}


def test_an_engine_that_was_suspended_goes_on(tmp_path):
    """Ctrl-Z and fg: it was the engine that heard nothing, the workers have not fallen silent."""
    folders = [plan(tmp_path / "results", name, "work") for name in "ab"]
    with dask_cluster.running(tmp_path / "dask", 2) as dask:
        engine = start(folders, scheduler=dask.address)
        time.sleep(1.0)
        engine.send_signal(signal.SIGSTOP)
        time.sleep(5.0)
        engine.send_signal(signal.SIGCONT)
        time.sleep(2.0)
        assert [process.poll() for process in dask.workers] == [None, None]
        for folder in folders:
            (folder / "go").touch()
        assert engine.communicate(timeout=PATIENCE_SECONDS) == ("", "")
    assert [len(tries(folder)) for folder in folders] == [1, 1]


def sockets(process):
    """The inodes of the sockets that a process has open; it opens and closes other files while one looks."""
    for path in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            name = os.readlink(path)
            if name.startswith("socket:"):
                yield name[8:-1]


def test_no_port_is_open(tmp_path):
    """A local cluster is threads of this process alone."""
    folders = [plan(tmp_path, name, "work") for name in "ab"]
    engine = start(folders)
    inodes = set(sockets(engine.pid))
    assert inodes  # those by which Dask's event loop wakes itself
    listening = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    assert not inodes & {fields[9] for fields in listening}
    engine.send_signal(signal.SIGINT)
    engine.communicate(timeout=PATIENCE_SECONDS)
