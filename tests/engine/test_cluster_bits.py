"""A cluster of three worker processes, one killed and one stopped: the results are those of no accident."""

import psutil
import pytest

from engine import dask_cluster
from sparserl import engine, persistence
from sparserl.engine import cluster
from sparserl.engine.retries import Retries
from sparserl.engine.settings import Settings
from sparserl.processes.outcomes import FINISHED
from sparserl.training import EvaluationSettings
from study.runs import plan
from waiting import is_gone, wait_until
from worker import forked

pytestmark = pytest.mark.processes

SETTINGS = Settings(lease_seconds=3.0, checkpoint_seconds=0.2, alive_seconds=0.3, silence_seconds=6.0)
STEPS = 30_000  # seconds: enough to be met on the way


def plans(directory):
    """Three runs."""
    seldom = EvaluationSettings(interval_steps=5000, num_episodes=2)
    return [plan(directory, seed=seed, total_steps=STEPS, evaluation=seldom) for seed in range(3)]


def test_results_are_identical(tmp_path):
    runs, waiting, frozen = plans(tmp_path / "results"), {}, []

    def tell(news):
        """Each run waits where it is first heard of until all of them are on their way, however busy the machine is."""
        if news.progress is None or news.run_folder in waiting:
            return
        waiting[news.run_folder] = psutil.Process(persistence.read_lease(news.run_folder).holder.process_id)
        waiting[news.run_folder].suspend()
        if len(waiting) < len(runs):
            return
        for process in processes(dask.workers[0]):
            process.kill()
        frozen.extend(processes(dask.workers[1]))
        for process in frozen:
            process.suspend()
        for process in processes(dask.workers[2]):
            process.resume()

    with dask_cluster.running(tmp_path / "dask", 3) as dask, cluster.connected(dask.address) as client:
        wait_until(lambda: cluster.workers(client)[1] == 3)
        outcomes = engine.run(client, runs, SETTINGS, Retries(first_seconds=0.1, busy_seconds=0.5), tell)
        assert [outcome.ending for outcome in outcomes] == ["finished"] * 3
        found = [results(run) for run in runs]
        for process in frozen:
            process.resume()
        wait_until(lambda: all(is_gone(process.pid) for process in frozen[:-1]))
        assert [results(run) for run in runs] == found  # who woke up could not write any more
    assert sum(persistence.read_status(run).attempt > 1 for run in runs) == 2

    undisturbed = plans(tmp_path / "undisturbed")
    assert [forked.work(str(run)).returncode for run in undisturbed] == [FINISHED] * 3
    assert [results(run) for run in undisturbed] == found


def processes(dask_worker):
    """The processes of the runs that a Dask worker has, and itself last."""
    itself = psutil.Process(dask_worker.pid)
    return [*itself.children(recursive=True), itself]


def results(run):
    """All that a finished run is but the time it took: its evaluations, and every array of its policy."""
    arrays, document = persistence.read_bundle(run / "checkpoint")
    rows = persistence.read_evaluations(run).drop_columns("seconds").to_pylist()
    return rows, document, {name: array.tobytes() for name, array in arrays.items()}
