"""A cluster of three worker processes: lost ones, frozen ones, strange ones."""

import os
import signal
import time

from sparserl.study import cluster, engine
from sparserl.study.execution import Settings
from sparserl.study.retries import Retries
from study import dask_cluster, fake_worker
from study.fake_worker import plan, tries

QUICK = Retries(first_seconds=0.05, factor=2.0, busy_seconds=0.2)
SETTINGS = Settings(
    program=(fake_worker.HERE,), stop_seconds=2.0, alive_seconds=0.2, silence_seconds=2.0, lease_seconds=1.0
)


def test_one_worker_is_killed_and_one_is_frozen(tmp_path):
    """Their runs are started on the third one, within seconds; dask by itself would wait for five minutes."""
    folders = [plan(tmp_path / "results", name, "work") for name in "abc"]
    killed, frozen = [], []

    def tell(news):
        if all(tries(folder) for folder in folders) and not killed:
            killed.append(dask.workers[0].pid)
            os.kill(dask.workers[0].pid, signal.SIGKILL)
            frozen.append(dask.workers[1].pid)
            os.kill(dask.workers[1].pid, signal.SIGSTOP)
            for process in children(dask.workers[1].pid):
                frozen.append(process)
                os.kill(process, signal.SIGSTOP)
            began.append(time.monotonic())
            for folder in folders:
                (folder / "go").touch()

    began = []
    with dask_cluster.running(tmp_path / "dask", 3) as dask, cluster.connected(dask.address) as client:
        while cluster.workers(client)[1] < 3:
            time.sleep(0.1)
        cluster.check_workers(client, tmp_path)
        outcomes = engine.run(client, folders, SETTINGS, QUICK, tell)
        print("seconds", time.monotonic() - began[0])
        for process in frozen:
            os.kill(process, signal.SIGCONT)
    assert [outcome.ending for outcome in outcomes] == ["finished"] * 3
    print([tries(folder) for folder in folders])


def children(process_id):
    import psutil

    return [child.pid for child in psutil.Process(process_id).children(recursive=True)]
