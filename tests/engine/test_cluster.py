"""Clusters of separate processes: workers that are lost, frozen or strange, and schedulers that are gone."""

import asyncio
import os
import signal
import socket
import sys

import psutil
import pytest

from engine import dask_cluster, fake_worker
from engine.fake_worker import plan, tries
from sparserl import engine, persistence
from sparserl.engine import cluster
from sparserl.engine.assignments import Assignment, Surroundings
from sparserl.engine.execution import work
from sparserl.engine.retries import Retries
from sparserl.engine.settings import Settings
from sparserl.errors import UserError
from sparserl.processes.versions import difference, versions
from waiting import is_gone, wait_until

pytestmark = pytest.mark.processes

QUICK = Retries(first_seconds=0.05, factor=2.0, busy_seconds=0.2)
SETTINGS = Settings(
    program=(fake_worker.HERE,), stop_seconds=60.0, alive_seconds=0.2, silence_seconds=4.0, lease_seconds=2.0
)


def test_one_worker_is_killed_and_one_is_frozen_with_its_run(tmp_path):
    """Their runs go on elsewhere; Dask by itself would wait for five minutes for the frozen one, here for hours."""
    folders, frozen = [plan(tmp_path / "results", name, "work") for name in "abc"], []

    def tell(news):
        if frozen or not all(map(tries, folders)):
            return
        killed = psutil.Process(dask.workers[0].pid).children(recursive=True)
        dask.workers[0].kill()
        wait_until(lambda: all(is_gone(each.pid) for each in killed))  # before it may finish its run
        stopped = psutil.Process(dask.workers[1].pid)
        frozen.extend([*stopped.children(recursive=True), stopped])
        for process in frozen:
            process.suspend()
        for folder in folders:
            (folder / "go").touch()

    patient = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "3 hours"}
    with dask_cluster.running(tmp_path / "dask", 3, **patient) as dask, cluster.connected(dask.address) as client:
        wait_until(lambda: cluster.workers(client)[1] == 3)
        cluster.check_workers(client, tmp_path)
        outcomes = engine.run(client, folders, SETTINGS, QUICK, tell)
        assert [outcome.ending for outcome in outcomes] == ["finished"] * 3
        assert sorted(len(tries(folder)) for folder in folders) == [1, 2, 2]
        assert len(frozen) == 2
        before = [(folder / "status.json").read_bytes() for folder in folders]
        for process in frozen:
            process.resume()
        wait_until(lambda: is_gone(frozen[0].pid))  # it has found out that another one has its run
        assert [(folder / "status.json").read_bytes() for folder in folders] == before


def test_a_frozen_worker_is_given_a_run_that_it_never_starts(tmp_path):
    """The scheduler takes it for an idle one; nobody has heard of the run, so only the worker's own silence tells."""
    folders = [plan(tmp_path / "results", name, "work") for name in "abc"]
    for folder in folders:
        (folder / "go").touch()
    with dask_cluster.running(tmp_path / "dask", 3) as dask, cluster.connected(dask.address) as client:
        wait_until(lambda: cluster.workers(client)[1] == 3)
        dask.workers[1].send_signal(signal.SIGSTOP)
        try:
            outcomes = engine.run(client, folders, SETTINGS, QUICK, lambda news: None)
        finally:
            dask.workers[1].send_signal(signal.SIGCONT)
    assert [outcome.ending for outcome in outcomes] == ["finished"] * 3
    assert [len(tries(folder)) for folder in folders] == [1, 1, 1]


def test_a_frozen_worker_whose_run_goes_on(tmp_path):
    """The run's own process has not noticed: it is not started twice, but waited for."""
    folder, frozen = plan(tmp_path / "results", "a", "work"), []

    def tell(news):
        if news.kind == "started" and not frozen:
            frozen.append(next(each for each in dask.workers if psutil.Process(each.pid).children()))
            frozen[0].send_signal(signal.SIGSTOP)
        if news.kind == "wait":
            (folder / "go").touch()

    with dask_cluster.running(tmp_path / "dask", 2) as dask, cluster.connected(dask.address) as client:
        wait_until(lambda: cluster.workers(client)[1] == 2)
        (outcome,) = engine.run(client, [folder], SETTINGS, QUICK, tell)
        assert outcome.ending == "finished"
        assert persistence.read_status(folder).process_id == tries(folder)[0]


def test_a_scheduler_that_is_lost(tmp_path):
    """One clear end, and the runs are stored: their Dask workers stop them when they end themselves."""
    folders = [plan(tmp_path / "results", name, "work") for name in "ab"]

    def tell(news):
        if all(map(tries, folders)):
            dask.scheduler.kill()

    with (
        dask_cluster.running(tmp_path / "dask", 2) as dask,
        cluster.connected(dask.address) as client,
        pytest.raises(engine.ClusterLost, match=f"the Dask scheduler at {dask.address} is gone"),
    ):
        engine.run(client, folders, SETTINGS, QUICK, tell)
    wait_until(lambda: all(is_gone(process) for folder in folders for process in tries(folder)))
    assert {persistence.read_status(folder).status for folder in folders} == {"interrupted"}


def test_workers_of_other_versions_are_refused(tmp_path):
    strange = tmp_path / "strange" / "sparserl-9.9.9.dist-info"
    strange.mkdir(parents=True)
    (strange / "METADATA").write_text("Metadata-Version: 2.1\nName: sparserl\nVersion: 9.9.9\n")
    path = os.pathsep.join([str(strange.parent), *filter(None, sys.path)])
    with (
        dask_cluster.running(tmp_path / "dask", 1, PYTHONPATH=path) as dask,
        cluster.connected(dask.address) as client,
    ):
        wait_until(lambda: cluster.workers(client)[1] == 1)
        ours = versions()["sparserl"]
        with pytest.raises(UserError, match=rf"worker tcp://.* has sparserl 9\.9\.9 instead of {ours}"):
            cluster.check_workers(client, tmp_path)


def test_a_frozen_worker_does_not_hold_up_the_check(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CHECK_SECONDS", 0.5)
    with dask_cluster.running(tmp_path / "dask", 2) as dask, cluster.connected(dask.address) as client:
        wait_until(lambda: cluster.workers(client)[1] == 2)
        dask.workers[0].send_signal(signal.SIGSTOP)
        cluster.check_workers(client, tmp_path)  # it comes back, although the frozen one never answers
        assert psutil.Process(dask.workers[0].pid).status() == psutil.STATUS_STOPPED


def test_a_worker_that_comes_later_looks_itself(tmp_path):
    folder = plan(tmp_path, "a", "finish")
    around = Surroundings("tcp://here", lambda message: None, lambda: False)
    other = {**versions(), "jax": "0.0.1"}
    outcome = work(Assignment(str(folder), "key", "topic", SETTINGS, other), around)
    assert outcome.ending == "failed"
    assert "instead of 0.0.1" in outcome.message
    assert difference(versions(), versions()) == ""


def test_workers_that_do_not_see_the_results(tmp_path):
    with cluster.connected(None, num_workers=1) as client:
        cluster.check_workers(client, tmp_path)
        with pytest.raises(UserError, match=r"does not see .*nowhere: give an --output that all workers share"):
            cluster.check_workers(client, tmp_path / "nowhere")


@pytest.mark.parametrize("address", ["nonsense", "foo://x:1", "localhost"])
def test_addresses_that_are_none(address):
    with pytest.raises(UserError, match=f"^scheduler is '{address}'"), cluster.connected(address):
        pass


def test_a_scheduler_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
        with pytest.raises(UserError, match=f"no Dask scheduler answers at {address}"), cluster.connected(address):
            pass
    with pytest.raises(UserError, match=f"no Dask scheduler answers at {address}"), cluster.connected(address):
        pass


def test_a_notebook_where_an_event_loop_runs_already():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"  # nobody answers there any more

    async def cell():
        with pytest.raises(UserError, match=f"no Dask scheduler answers at {address}"), cluster.connected(address):
            pass
        with cluster.connected(None, num_workers=1) as client:
            assert cluster.workers(client)[1] == 1

    asyncio.run(cell())


def test_a_worker_that_is_told_to_stop(tmp_path):
    """As Slurm does at the end of a job: its run stores, goes on elsewhere, and nothing counts as a failure."""
    folder, told, failures = plan(tmp_path / "results", "a", "work"), [], []

    def tell(news):
        if news.kind == "started" and not told:
            told.append(next(each for each in dask.workers if psutil.Process(each.pid).children()))
        elif news.kind == "progress" and told and news.progress.environment_steps > 12 and len(tries(folder)) == 1:
            told[0].send_signal(signal.SIGTERM)
        elif news.kind == "progress" and len(tries(folder)) > 1:
            (folder / "go").touch()

    with dask_cluster.running(tmp_path / "dask", 2) as dask, cluster.connected(dask.address) as client:
        wait_until(lambda: cluster.workers(client)[1] == 2)
        remember = lambda run, found: failures.append(found)
        (outcome,) = engine.run(client, [folder], SETTINGS, QUICK, tell, remember=remember)
        wait_until(lambda: told[0].poll() is not None)
    assert outcome.ending == "finished"
    assert failures == []
    assert is_gone(tries(folder)[0])
