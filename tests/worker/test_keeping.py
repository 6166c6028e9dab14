"""Keeping: what a run that was killed leaves in its tables is, once it has gone on, what one that was not leaves."""

import pytest

from sparserl import persistence
from sparserl.experiment import Experiment, Report, plan_of
from sparserl.experiment.reports import place
from sparserl.experiment.resuming import Captured
from sparserl.persistence import DIAGNOSTICS_SCHEMA
from sparserl.worker.beginning import Beginning
from sparserl.worker.keeping import Keeper
from study.runs import plan as planned_run

TABLES = ("diagnostics.parquet", "topology.parquet")


def keeper(run, without=""):
    """One on a run that is to record diagnostics, going on from its newest checkpoint, `without` an array of it."""
    persistence.write_request(run, persistence.RunRequest(diagnostics=True))
    plan = plan_of(Experiment.from_choices(persistence.read_experiment(run.parent)["choices"]))
    attempt = persistence.claim(run)
    checkpoint = persistence.read_newest(run)[0]
    if without:
        checkpoint = checkpoint._replace(arrays={k: v for k, v in checkpoint.arrays.items() if k != without})
    return Keeper(attempt, plan, persistence.ALONE, Beginning(checkpoint)), attempt, plan


def report(plan, steps):
    """What a run tells at an evaluation, with numbers that depend on its step alone."""
    common = place(plan, 0, steps)
    numbers = {"mean_return": 1.0 * steps, "standard_deviation": 0.0, "minimum_return": 0.0, "maximum_return": 9.0}
    numbers |= {"num_episodes": 2, "mean_length_steps": 9.0, "live_density": 0.5, "seconds": 1.0, "num_breaks": 0}
    diagnosed = {**dict.fromkeys(DIAGNOSTICS_SCHEMA.names), **common, "network": "q", "layer": "all"}
    units = {**common, "network": "q", "layer": "output", "weights_per_unit": 9}
    sides = [{**units, "side": side, "live_weights": [steps, 1]} for side in persistence.SIDES]
    capture = lambda: Captured({}, {"breaks": [], "seconds": 0.0}, None)
    return Report(None, steps, 0, 0.0, 0.5, {**common, **numbers}, [diagnosed], capture, topology=sides)


@pytest.mark.parametrize("stored_steps", [100, 200])
def test_a_killed_run_has_the_bytes_of_one_that_was_not(stored_steps, tmp_path):
    whole, killed = (planned_run(tmp_path / name) for name in ("whole", "killed"))
    kept, attempt, plan = keeper(whole)
    for steps in (0, 100, 200, 300):
        kept.keep(report(plan, steps))
    attempt.release()
    kept, attempt, plan = keeper(killed)
    for steps in (0, 100, 200):
        kept.keep(report(plan, steps))
        if steps == stored_steps:
            kept.store_checkpoint(report(plan, steps))
    attempt.release()
    kept, attempt, plan = keeper(killed)
    for steps in range(stored_steps + 100, 301, 100):
        kept.keep(report(plan, steps))
    attempt.release()
    for name in TABLES:
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert persistence.read_topology(killed).num_rows == 8


def test_a_run_that_an_earlier_version_began_records_topologies_from_then_on(tmp_path):
    run = planned_run(tmp_path)
    kept, attempt, plan = keeper(run)
    kept.keep(report(plan, 0))
    kept.store_checkpoint(report(plan, 0))
    attempt.release()
    (run / "topology.parquet").unlink()
    kept, attempt, plan = keeper(run, without="rows/topology.parquet")
    kept.keep(report(plan, 100))
    attempt.release()
    assert set(persistence.read_topology(run)["environment_steps"].to_pylist()) == {100}
    assert set(persistence.read_diagnostics(run)["environment_steps"].to_pylist()) == {0, 100}
