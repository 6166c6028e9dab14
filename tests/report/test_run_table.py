"""Runs and experiments as tables: a row each, beside scipy's own interval."""

import math

import pyarrow as pa
import pytest
import scipy.stats
import synthetic

from sparserl.report.run_table import experiment_table, run_table
from sparserl.report.runs import Results
from sparserl.report.statistics import mean_over_tasks


def test_a_row_for_each_run_says_what_it_is_and_how_it_ended():
    rigl = synthetic.run("rigl", final_return=90.0, seed=3, **{"method.drop_fraction": 0.3})
    static = synthetic.run("static", seed=1, status="diverged", returns=[1.0, math.nan])
    dense = synthetic.run("dense", status=None)
    table = Results(None, (rigl, static, dense)).table()
    assert table.column_names[:8] == [
        *("experiment_id", "agent", "method", "environment", "sparsity", "seed"),
        *("status", "final_return"),
    ]
    assert table["method"].to_pylist() == ["rigl", "static", "dense"]
    assert table["seed"].to_pylist() == [3, 1, 0]
    assert table["status"].to_pylist() == ["finished", "diverged", None]
    assert table["final_return"].to_pylist() == [90.0, None, dense.final_return]
    assert table["environment_steps"].to_pylist() == [1_000] * 3
    assert table["seconds"].to_pylist() == [60.0] * 3
    assert table["method.drop_fraction"].to_pylist() == [0.3, None, None]
    assert table["network.hidden_units"].to_pylist() == [[10, 10]] * 3
    assert table["live_parameters"].to_pylist() == [100, 100, 1_000]
    assert "matches" not in table.column_names


def test_choices_of_several_types_are_text():
    """Two agents may call different things alike, and plug-ins may call them anything."""
    runs = [synthetic.run(seed=seed, choice=value) for seed, value in enumerate((1, "all", None))]
    assert run_table(runs)["choice"].to_pylist() == ["1", "all", None]
    numbers = run_table([synthetic.run(seed=seed, choice=value) for seed, value in enumerate((1, 2.5))])["choice"]
    assert (numbers.to_pylist(), numbers.type) == ([1.0, 2.5], pa.float64())


def test_a_row_for_each_experiment_has_its_estimate():
    returns = [90.0, 95.0, 97.0, 130.0]
    rigl = [synthetic.run("rigl", final_return=each, seed=seed) for seed, each in enumerate(returns)]
    rigl += [synthetic.run("rigl", seed=8, status="diverged"), synthetic.run("rigl", seed=9, status="running")]
    lonely = synthetic.run("static", final_return=50.0)
    begun = synthetic.run("set", status="running")
    results = Results(None, (*rigl, lonely, begun))
    [told, few, none] = results.estimates().to_pylist()
    assert told["experiment_id"] == rigl[0].id.experiment
    assert (told["num_seeds"], told["num_diverged"]) == (4, 1)
    assert told["value"] == 96.0  # the middle half of four
    assert told["low"] < 96.0 < told["high"]
    assert "seed" not in told
    assert (few["num_seeds"], few["value"], few["low"], few["high"]) == (1, 50.0, None, None)
    assert (none["num_seeds"], none["num_diverged"], none["value"]) == (0, 0, None)
    [mean, *_] = results.estimates(mean_over_tasks, confidence=0.9).to_pylist()
    student = scipy.stats.t.interval(0.9, 3, loc=103.0, scale=scipy.stats.sem(returns))
    assert mean["value"] == 103.0
    assert (mean["low"], mean["high"]) == pytest.approx(student, rel=0.05)  # what is drawn is drawn at random
    assert experiment_table(results.runs) == results.estimates()
