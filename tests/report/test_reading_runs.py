"""Runs: what is read of a results directory, and what of it cannot be."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic

from sparserl import persistence
from sparserl.persistence import EVALUATIONS, RunId, Status, UserError
from sparserl.report.runs import read_results


def test_synthetic_networks_have_their_roles():
    runs = [*synthetic.seeds([1.0, 2.0]), synthetic.run("dense"), synthetic.run("dense", live_parameters=101)]
    chosen = synthetic.selection([*runs, synthetic.run("dense", live_parameters=500)])
    told = {(each.columns["method"], each.columns["live_parameters"]): each.columns for each in chosen.runs}
    assert {size: columns["role"] for (_, size), columns in told.items()} == {
        100: "sparse",
        1_000: "full-dense",
        101: "matched-dense",
        500: "other-dense",
    }
    assert [match["sparsity"] for match in told["dense", 101]["matches"]] == [0.9]
    assert not any(told[key]["matches"] for key in told if key != ("dense", 101))


EXPERIMENT = "dqn-rigl-CartPole-v1-0.9-" + "0" * 8
CHOICES = {
    "total_steps": 100,
    "num_environments": 2,
    "evaluation": {"final_fraction": 0.5},
    "network": {"units": [8, 8]},
}


def rows(seed=0, returns=(1.0, 2.0, 4.0, 5.0), **replaced):
    values = {"string": "dqn", "int64": 0, "double": 0.25}
    row = {field.name: values[str(field.type)] for field in persistence.EVALUATION_SCHEMA}
    row |= {"experiment_id": EXPERIMENT, "method": "rigl", "sparsity": 0.9, "seed": seed, **replaced}
    return [row | {"mean_return": value, "environment_steps": 50 * index} for index, value in enumerate(returns)]


def store(directory, seed=0, status="finished", returns=(1.0, 2.0, 4.0, 5.0), document=True):
    folder = RunId(EXPERIMENT, seed).folder(directory)
    if document:
        persistence.plan_experiment(directory, EXPERIMENT, {"choices": CHOICES})
    persistence.write_table(EVALUATIONS, folder, rows(seed, returns))
    if status:
        persistence.write_status(folder, Status(status, 150))
    return folder


def test_a_run_is_what_rows_choices_and_status_say(tmp_path):
    folder = store(tmp_path)
    results = read_results(tmp_path)
    [run] = results.runs
    assert (results.problems, run.id, run.folder) == ((), RunId(EXPERIMENT, 0), folder)
    assert run.columns["method"] == "rigl"
    assert run.columns["role"] == "sparse"
    assert run.columns["seed"] == 0
    assert run.columns["network.units"] == (8, 8)
    assert run.columns["evaluation.final_fraction"] == 0.5
    np.testing.assert_array_equal(run.mean_return, [1, 2, 4, 5])
    np.testing.assert_array_equal(run.environment_steps, [0, 50, 100, 150])
    assert run.final_return == 4.5
    for place in (folder.parent, folder):
        assert read_results(place).runs[0].final_return == 4.5


@pytest.mark.parametrize(
    ("status", "returns", "final"),
    [
        ("running", (1.0, 2.0, 4.0, 5.0), None),
        ("diverged", (1.0, 2.0, 4.0, 5.0), None),
        (None, (1.0, 2.0, 4.0, 5.0), None),  # 150 of 200 steps
        (None, (1.0, 2.0, 4.0, 5.0, 6.0), 5.5),  # of five, the last two
        ("finished", (1.0, 2.0, np.nan, 5.0), None),
    ],
)
def test_a_final_return_is_that_of_a_whole_run(tmp_path, status, returns, final):
    store(tmp_path, status=status, returns=returns)
    assert read_results(tmp_path).runs[0].final_return == final


def test_what_cannot_be_read_is_told_and_reading_goes_on(tmp_path):
    for seed in range(5):
        store(tmp_path, seed)
    folder = lambda seed: RunId(EXPERIMENT, seed).folder(tmp_path)
    file = folder(1) / "evaluations.parquet"
    file.write_bytes(file.read_bytes()[:-30])
    (folder(2) / "status.json").write_text("{}")
    shutil.copytree(folder(0), tmp_path / "copy")
    persistence.write_table(EVALUATIONS, tmp_path / "other", rows(4, (9.0, 9.0)))
    (tmp_path / EXPERIMENT / "seed=9").mkdir()
    results = read_results(tmp_path)
    assert [run.id.seed for run in results.runs] == [0, 2, 3]
    told = "\n".join(results.problems)
    assert f"{file} is damaged" in told
    assert f"how {folder(2)} ended is not known" in told
    assert "is a copy of" in told
    assert "differ from step 0 on" in told
    assert "seed=9 is left out: it is empty" in told
    assert len(results.problems) == 5


def test_rows_alone_have_no_choices_and_nothing_is_made_up(tmp_path):
    store(tmp_path, status=None, document=False)
    results = read_results(tmp_path)
    [run] = results.runs
    assert "network.units" not in run.columns
    assert "total_steps" not in run.columns
    assert results.problems == ()
    (run.folder.parent / "experiment.json").write_text("{")
    [line] = read_results(tmp_path).problems
    assert line.startswith(f"the choices of {EXPERIMENT} are not known: ")


def test_an_empty_folder_is_one_line(tmp_path):
    with pytest.raises(UserError, match="holds no evaluations"):
        read_results(tmp_path)


def test_rows_gathered_from_many_runs_are_told_apart(tmp_path):
    """As under reproduction/: no checksum, fewer columns, and other libraries' rows without an identifier."""
    ours = [*rows(1), *rows(0)]
    names = ("agent", "method", "environment", "sparsity", "seed", "environment_steps", "mean_return")
    peers = [{name: row[name] for name in names} | {"method": peer} for peer in ("SBX", "SB3") for row in rows(0)]
    pq.write_table(pa.Table.from_pylist([*ours, *peers]), tmp_path / "evaluations.parquet")
    results = read_results(tmp_path)
    assert [(run.columns["method"], run.id.seed) for run in results.runs] == [
        ("SB3", 0),
        ("SBX", 0),
        ("rigl", 0),
        ("rigl", 1),
    ]
    assert {run.final_return for run in results.runs} == {5.0}
    assert np.isnan(results.runs[0].seconds).all()
    assert read_results(tmp_path / "evaluations.parquet").runs[0].id == results.runs[0].id
    [line] = results.problems
    assert "has rows alone" in line
    pq.write_table(pa.Table.from_pylist([*ours, *ours[:2], *peers]), tmp_path / "evaluations.parquet")
    assert "several rows of" in read_results(tmp_path).problems[1]
    pq.write_table(pa.Table.from_pylist([{"kill": 1}]), tmp_path / "kills.parquet")
    for place, message in ((tmp_path / "kills.parquet", "without agent"), (__file__, "it is a file")):
        with pytest.raises(UserError, match=message):
            read_results(place)


def test_final_returns_follow_from_rows_as_the_worker_had_them():
    """A finished run that a worker stored, and one that was stopped."""
    results = read_results(Path(__file__).parents[1] / "study" / "results_of_2cacdcc")
    assert [run.status.status for run in results.runs] == ["finished", "interrupted"]
    assert [run.final_return for run in results.runs] == [run.status.final_return for run in results.runs]
    assert results.runs[0].final_return is not None
