"""What is made by another version, from another preset or with another storage is never in one number with the rest."""

import csv
import html

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic
from claim_worlds import ratios

from cli.command import call
from sparserl import persistence
from sparserl.persistence import EVALUATIONS, RunId, Status
from sparserl.report import files
from sparserl.report.claims import answers
from sparserl.report.figures import draw
from sparserl.report.normalization import normalizations
from sparserl.report.runs import read_results
from sparserl.report.selection import everything

WAYS = {"results version 4": {"results_version": 4}, "sb3": {"preset": "sb3"}, "compressed": {"storage": "compressed"}}
USUAL = {"results version 5", "paper", "masked"}
HERE, THERE = {"environment": "CartPole-v1"}, {"environment": "Acrobot-v1"}
FIGURE = {"name": "f", "title": "T", "x": "", "rows": "", "columns": "environment", "lines": "method"}
POOLED = FIGURE | {"kind": "profile", "y": "normalized_return", "columns": ""}
THRESHOLD = FIGURE | {"name": "g", "kind": "threshold", "y": "final_return"}


def made(name, values, method="rigl", **columns):
    """Seeds of an experiment of this name, whatever else it is."""
    runs = synthetic.seeds(values, method, **columns)
    named = {"experiment_id": f"{name}-{runs[0].id.experiment}"}
    return [run._replace(id=RunId(named["experiment_id"], run.id.seed), columns=run.columns | named) for run in runs]


def everywhere():
    """RigL in two environments and dense networks in one, and both again in one environment in each of these ways."""
    runs = made("a", [100.0, 102.0, 104.0], **HERE) + made("b", [-300.0, -302.0, -304.0], **THERE)
    runs += made("c", [200.0, 202.0, 204.0], "dense", **HERE)
    for number, way in enumerate(WAYS.values(), 3):
        runs += made(f"d{number}", [100.0 * number + seed for seed in range(3)], **HERE, **way)
        if "storage" not in way:
            runs += made(f"e{number}", [110.0 * number + seed for seed in range(3)], "dense", **HERE, **way)
    return runs


def store(directory, runs):
    """The files of runs, as far as rows and statuses tell them."""
    for run in runs:
        rows = [
            {
                **dict.fromkeys(persistence.EVALUATION_SCHEMA.names, 0),
                **{name: run.columns.get(name) for name in (*persistence.FACTS, "agent", "method", "environment")},
                "experiment_id": run.id.experiment,
                "seed": run.id.seed,
                "sparsity": run.columns["sparsity"],
                "environment_steps": int(step),
                "mean_return": float(value),
                "seconds": float(step),
            }
            for step, value in zip(run.environment_steps, run.mean_return, strict=True)
        ]
        folder = run.id.folder(directory)
        persistence.write_table(EVALUATIONS, folder, rows)
        persistence.write_status(folder, Status("finished", 1_000, final_return=run.final_return))


def test_a_report_keeps_them_apart_in_text_figures_tables_answers_and_claims(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "figures_of", lambda selection, alone: (POOLED, THRESHOLD))
    store(tmp_path / "results", everywhere())
    told = call(capsys, "report", tmp_path / "results", "--output", tmp_path / "out")
    assert (told.status, told.err) == (0, "")
    printed = [line.partition("dqn rigl 0.9 ")[2].split("  ")[0] for line in told.out.splitlines()]
    names = ("masked results version 4 paper", "masked results version 5 sb3", "compressed results version 5 paper")
    usual = "masked results version 5 paper"
    assert sorted(filter(None, printed)) == sorted([usual, usual, *names]), told.out
    assert means_of(tmp_path / "out" / "f.csv") == {"results version 4", "sb3", "compressed", "usual"}
    with open(tmp_path / "out" / "g.csv", newline="") as file:
        _, *rows = csv.reader(file)
    thresholds = {row[1]: round(float(row[2]), 1) for row in rows if "compressed" not in row[1]}
    assert len(thresholds) == 6
    own = sorted(2 * [0.9 * 202, 0.9 * 331, 0.9 * 441])
    assert sorted(thresholds.values()) == pytest.approx(own), "each by its own dense network"
    page = html.unescape((tmp_path / "out" / "index.html").read_text())
    for where, mean in (
        ("results version 4, preset paper", 301 / 331),
        ("results version 5, preset sb3", 401 / 441),
        ("results version 5, preset paper, compressed storage", 501 / 202),
        ("results version 5, preset paper, masked storage", 102 / 202),
    ):
        assert f"DQN, {where}: RigL keeps {mean:.3}"[:-1] in page, where
        assert f"<bdi>DQN, {where}</bdi>" in page, "a claim is about one of them"
    assert "RigL, 90 %, results version 5, paper, compressed" in page


def means_of(path):
    """Which of the ways the lines of RigL are of; the line of two environments is of none of them."""
    with open(path, newline="") as file:
        names = {row[0] for row in list(csv.reader(file))[1:] if row[0].startswith("RigL")}
    found = {next((way for way in WAYS if way in name), "usual") for name in names}
    assert len(names) == len(found), names
    return found


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_mark_over_environments_has_one_provenance(way):
    """Each environment has one experiment, so that nothing else would tell them apart."""
    runs = made("a", [100.0, 102.0], **HERE) + made("b", [-200.0, -202.0], **THERE, **way)
    chosen = synthetic.selection(runs)
    for spec in (POOLED, POOLED | {"kind": "bars", "x": "method", "columns": "sparsity", "lines": ""}):
        drawn = draw(spec, chosen)
        place = drawn.header.index("line")
        assert len({row[place] for row in drawn.table}) == 2, way
    alike = synthetic.selection(made("a", [100.0, 102.0], **HERE) + made("b", [-200.0, -202.0], **THERE))
    assert {row[0] for row in draw(POOLED, alike).table} == {"RigL"}


def test_runs_of_one_experiment_that_tell_another_version_are_left_out_and_said(tmp_path):
    runs = made("a", [1.0, 2.0, 3.0])
    runs[2] = runs[2]._replace(columns=runs[2].columns | {"results_version": 4})
    store(tmp_path, runs)
    results = read_results(tmp_path)
    assert [run.id.seed for run in results.runs] == [0, 1]
    [line] = results.problems
    assert line.endswith("seed=2 has rows of results version 4, and its experiment is of 5")


@pytest.mark.parametrize("fact", [("results_version", 4, 5), ("storage", "compressed", "masked"), ("preset", "a", "b")])
def test_gathered_rows_that_differ_in_a_fact_are_of_several_experiments(tmp_path, fact):
    name, *values = fact
    rows = [
        {"agent": "dqn", "method": "mine", "environment": "A-v0", "sparsity": 0.5, "seed": 0}
        | {"environment_steps": step, "mean_return": 1.0, name: value}
        for value in values
        for step in (0, 10)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "evaluations.parquet")
    results = read_results(tmp_path)
    assert [run.columns[name] for run in results.runs] == values
    assert len({run.id.experiment for run in results.runs}) == 2


@pytest.mark.parametrize("way", [{"results_version": 4}, {"preset": "sb3"}])
def test_nothing_is_divided_by_a_dense_network_of_another_version_or_preset(way):
    here = {"environment": "MinAtar/Breakout-v1", "network_kind": "cnn"}
    sparse, dense = made("a", [10.0], **here), made("b", [20.0], "dense", **here, **way)
    scales = normalizations(synthetic.selection(sparse + dense).runs)
    assert scales[sparse[0].id.experiment](10.0) is None
    assert "is of another results version or preset" in scales[sparse[0].id.experiment].problem
    own = made("c", [40.0], "dense", **here)
    assert normalizations(synthetic.selection(sparse + dense + own).runs)[sparse[0].id.experiment](10.0) == 0.25


def test_measured_ratios_of_experiments_that_differ_in_a_choice_have_a_sentence_each():
    runs = made("a", [1.0] * 3, "dense", agent="sac", weight_decay=0.0)
    runs += made("b", [1.0] * 3, "dense", agent="sac", weight_decay=0.1)
    chosen = synthetic.selection(runs)
    told = [each for each in answers(chosen, ratios("holds", chosen)) if "of actor have" in each]
    assert [each.partition(":")[0] for each in told] == [
        "Dense, 100 % with weight decay 0",
        "Dense, 100 % with weight decay 0.1",
    ]


def test_seconds_of_several_machines_are_several_lines():
    machines = [{"architecture": "x86_64", "cpu_features": name} for name in ("avx512", "avx512", "avx2", "avx2")]
    runs = [
        run._replace(status=run.status._replace(machine=machine, host=f"host {run.id.seed}"))
        for run, machine in zip(made("a", [1.0, 2.0, 3.0, 4.0]), machines, strict=True)
    ]
    spec = FIGURE | {"kind": "curves", "x": "seconds", "y": "mean_return"}
    drawn = draw(spec, everything(read_nothing(runs)))
    assert {row[1] for row in drawn.table} == {"RigL x86_64 avx2", "RigL x86_64 avx512"}
    assert any("seconds are those of 4 machines" in note for note in drawn.notes)
    steps = draw(spec | {"x": "environment_steps"}, everything(read_nothing(runs)))
    assert {row[1] for row in steps.table} == {"RigL"}


def read_nothing(runs):
    return synthetic.Results(None, synthetic.with_roles(runs))
