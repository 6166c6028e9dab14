"""`train --diagnostics`: what it writes, that it changes nothing else, and what is told of runs without."""

import pytest

from cli.command import TINY, call
from sparserl import persistence
from sparserl.persistence import RunRequest, read_diagnostics, read_evaluations
from sparserl.report.page import topologies

pytestmark = pytest.mark.processes

WORDS = ["train", "dqn", "set", "--environment", "CartPole-v1", *TINY, "--method.window.interval-updates", "50"]


def test_diagnostics_beside_the_same_evaluations(trained, capsys, tmp_path):
    result = call(capsys, *WORDS, "--seed", "3", "--output", tmp_path, "--json", "--diagnostics")
    assert result.status == 0
    run = tmp_path / result.document()["experiment_id"] / "seed=3"
    assert run.parent.name == trained.folder.name  # what is only observed is no part of the id
    same = lambda folder: [{**row, "seconds": 0} for row in read_evaluations(folder / "seed=3").to_pylist()]
    assert same(run.parent) == same(trained.folder)
    arrays, others = (persistence.read_bundle(folder / "checkpoint")[0] for folder in (run, trained.folder / "seed=3"))
    assert {name: array.tobytes() for name, array in arrays.items()} == {
        name: array.tobytes() for name, array in others.items()
    }
    rows = read_diagnostics(run).to_pylist()
    assert [(row["environment_steps"], row["layer"]) for row in rows] == [
        (steps, layer) for steps in (0, 100, 200, 300) for layer in ("hidden_1", "hidden_2", "output", "all")
    ]
    assert {row["experiment_id"] for row in rows} == {run.parent.name}
    assert rows[-1]["signal_to_noise"] > 0
    assert rows[-1]["tried_fraction"] > rows[-1]["live_density"]
    units = [row for row in persistence.read_topology(run).to_pylist() if row["layer"] == "hidden_1"]
    assert [(row["environment_steps"], row["side"]) for row in units] == [
        (steps, side) for steps in (0, 100, 200, 300) for side in ("input", "output")
    ]
    assert len(units[0]["live_weights"]) == 4  # what CartPole shows
    check_last_topology(run)
    check_asked_again(capsys, tmp_path, run)


def check_last_topology(run):
    """What diagnostics recorded last is what a report reads of a run that kept its policy alone."""
    recorded, kept = topologies.read(run, 300), topologies.kept(persistence.read_bundle(run / "checkpoint")[0], 300)
    assert (recorded.steps, kept.steps) == ([0, 100, 200, 300], [300])
    assert len(recorded.sides) == 6
    for side, last in zip(recorded.sides, kept.sides, strict=True):
        assert side._replace(live=None) == last._replace(live=None)
        assert side.live[-1].tolist() == last.live[0].tolist()


def check_asked_again(capsys, directory, run):
    """A finished run is left alone, asked with or without diagnostics; one that begins anew without loses them."""
    before = (run / "diagnostics.parquet").read_bytes()
    for words in ([], ["--diagnostics"]):
        again = call(capsys, *WORDS, "--seed", "3", "--output", directory, *words)
        assert again.status == 0
        assert "seed 3 was finished before and is not trained again\n" in again.err
    assert (run / "diagnostics.parquet").read_bytes() == before
    persistence.write_status(run, persistence.Status("interrupted"))
    assert call(capsys, *WORDS, "--seed", "3", "--output", directory).status == 0
    assert persistence.read_status(run).status == "finished"
    assert not persistence.has_diagnostics(run)  # of a start that was not the one that finished
    assert not (run / "topology.parquet").exists()


def test_a_run_that_finished_without_diagnostics_says_how_to_have_them(trained, capsys):
    result = call(capsys, *trained.words, "--diagnostics")
    assert result.status == 0
    assert result.document() == trained.document
    for seed in (3, 4):
        assert f"seed {seed} was finished before without diagnostics" in result.err
        assert not persistence.has_diagnostics(trained.folder / f"seed={seed}")
    assert result.err.count("with another --output") == 2


def test_every_waiting_run_is_told_what_was_asked_last(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("sparserl.study.run_all", lambda *_, **__: [])
    for words, expected in ((["--diagnostics"], True), ([], False)):
        result = call(capsys, *WORDS, "--num-seeds", "2", "--output", tmp_path, "--json", *words)
        folder = tmp_path / result.document()["experiment_id"]
        for seed in range(2):
            assert persistence.read_request(folder / f"seed={seed}") == RunRequest(expected)


def test_help(capsys):
    out = " ".join(call(capsys, "train", "sac", "rigl", "--help").out.split())
    assert " --diagnostics " in out
    assert "--no-diagnostics" not in out


def test_it_takes_no_value(capsys):
    result = call(capsys, *WORDS, "--diagnostics", "yes")
    assert result.status == 2
    (line,) = result.err.splitlines()
    assert "--diagnostics takes no value" in line
