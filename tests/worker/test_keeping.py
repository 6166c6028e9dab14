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


def keeper(run):
    """One on a run that is to record diagnostics, going on from its newest checkpoint."""
    persistence.write_request(run, persistence.RunRequest(diagnostics=True))
    plan = plan_of(Experiment.from_choices(persistence.read_experiment(run.parent)["choices"]))
    attempt = persistence.claim(run)
    return Keeper(attempt, plan, persistence.ALONE, Beginning(persistence.read_newest(run)[0])), attempt, plan


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
