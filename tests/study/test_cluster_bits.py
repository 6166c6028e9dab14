"""A cluster of three worker processes, one killed and one stopped: the results are those of no accident."""

import psutil

from sparserl import persistence, study
from sparserl.study import cluster, engine
from sparserl.study.execution import Settings
from sparserl.study.retries import Retries
from sparserl.training import EvaluationSettings
from study import dask_cluster
from study.runs import plan
from study.test_machine import is_gone, wait_until

SETTINGS = Settings(lease_seconds=2.0, checkpoint_seconds=0.2, alive_seconds=0.3, silence_seconds=4.0)
STEPS = 150_000  # enough for the first run to be on its way when the last one starts


def plans(directory):
    """Three runs that take seconds."""
    seldom = EvaluationSettings(interval_steps=5000, num_episodes=2)
    return [plan(directory, seed=seed, total_steps=STEPS, evaluation=seldom) for seed in range(3)]


def test_results_are_identical(tmp_path):
    runs, steps, frozen, struck = plans(tmp_path / "results"), {}, [], []

    def tell(news):
        if news.progress is not None:
            steps[news.run_folder] = news.progress.environment_steps
        if struck or len(steps) < len(runs) or min(steps.values()) < 100:
            return
        struck.append(dict(steps))
        for process in processes(dask.workers[0]):
            process.kill()
        frozen.extend(processes(dask.workers[1]))
        for process in frozen:
            process.suspend()

    with dask_cluster.running(tmp_path / "dask", 3) as dask, cluster.connected(dask.address) as client:
        wait_until(lambda: cluster.workers(client)[1] == 3)
        outcomes = engine.run(client, runs, SETTINGS, Retries(first_seconds=0.1, busy_seconds=0.5), tell)
        assert [outcome.ending for outcome in outcomes] == ["finished"] * 3
        assert max(struck[0].values()) < STEPS
        found = [results(run) for run in runs]
        for process in frozen:
            process.resume()
        wait_until(lambda: all(is_gone(process.pid) for process in frozen[:-1]))
        assert [results(run) for run in runs] == found  # who woke up could not write any more
    assert sum(persistence.read_status(run).attempt > 1 for run in runs) == 2

    undisturbed = plans(tmp_path / "undisturbed")
    study.run_all(undisturbed, lambda folder, progress: None)
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
