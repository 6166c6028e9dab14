"""`evaluate` and `report` on a training that has finished."""

import shutil

import numpy as np
import pytest

from cli.command import call
from sparserl import persistence
from sparserl.cli import evaluate
from sparserl.training import Evaluation

pytestmark = pytest.mark.processes


def test_equal_requests_give_equal_returns(trained, capsys):
    words = ("evaluate", f"{trained.folder.name}/seed=3", "--output", trained.results, "--num-episodes", "7", "--json")
    first, second = call(capsys, *words), call(capsys, *words)
    assert (first.status, first.err) == (0, "")
    assert first.out == second.out
    document = first.document()
    assert document["run"] == str(trained.folder / "seed=3")
    (row,) = document["rows"]
    assert row.keys() == {"observation_noise", "mean_return", "standard_deviation", "num_episodes"}
    assert (row["observation_noise"], row["num_episodes"]) == (0, 7)
    assert 1 <= row["mean_return"] <= 500
    other = call(capsys, *words, "--seed", "1").document()
    assert other["rows"] != document["rows"]


def test_the_policy_is_the_trained_one(trained, capsys, tmp_path):
    """With its biases moved by hand so that one action always wins, CartPole falls at once."""
    run, copy = trained.folder / "seed=4", tmp_path / trained.folder.name / "seed=4"
    persistence.write_document(copy.parent / "experiment.json", persistence.read_experiment(run.parent))
    arrays, document = persistence.read_bundle(run / "checkpoint")
    name = next(name for name in arrays if "params/q/output/bias" in name and "target" not in name)
    arrays[name][:] = (-1e6, 1e6)
    persistence.write_bundle(copy / "checkpoint", arrays, document)
    told = call(capsys, "evaluate", copy, "--num-episodes", "50")
    assert told.status == 0
    mean_return = float(told.out.split("mean return ")[1].split(",")[0])
    assert 8 <= mean_return <= 15  # one action in ten is random, half of them the other way


def test_noise_comes_upon_the_same_episodes(trained, capsys, tmp_path):
    run, figure = trained.folder / "seed=3", tmp_path / "noise.png"
    words = ("evaluate", run, "--num-episodes", "30", "--observation-noise", "0,0.5,50")
    told = call(capsys, *words, "--json")
    assert (told.status, told.err) == (0, "")
    document = told.document()
    assert {name: document[name] for name in ("method", "environment", "sparsity", "seed", "noise_arithmetic")} == {
        "method": "set",
        "environment": "CartPole-v1",
        "sparsity": 0.9,
        "seed": 3,
        "noise_arithmetic": None,
    }
    assert [row["observation_noise"] for row in document["rows"]] == [0, 0.5, 50]
    assert {row["num_episodes"] for row in document["rows"]} == {30}
    (quiet,) = call(capsys, *words[:-2], "--json").document()["rows"]
    assert document["rows"][0] == quiet
    (loud,) = call(capsys, *words[:-1], "50", "--json").document()["rows"]
    assert document["rows"][2] == loud
    both = call(capsys, "evaluate", run, trained.folder / "seed=4", *words[2:], "--figure", figure)
    assert (both.status, both.err) == (0, "")
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert both.out.count("mean return") == 2
    first_words = [line.split()[0] for line in both.out.splitlines() if line.strip()]
    assert [word for word in first_words if word in ("0", "0.5", "50")] == ["0", "0.5", "50"] * 2


@pytest.mark.parametrize(
    ("words", "pixels", "preset", "deviations", "arithmetic"),
    [
        (("0,2.5",), True, "paper", (0, 2.5), "clip"),
        (("3",), True, "published-code", (3,), "modulo"),
        (("3",), False, "published-code", (3,), "clip"),
        (("3", "--noise-arithmetic", "clip"), True, "published-code", (3,), "clip"),
        (("3", "--noise-arithmetic", "modulo"), True, "paper", (3,), "modulo"),
    ],
)
def test_what_is_asked_is_what_is_played(
    words, pixels, preset, deviations, arithmetic, trained, capsys, monkeypatch, tmp_path
):
    played = []

    def noise(agent, state, environment, settings, key, *rest):
        played.append((environment.num_envs, settings.num_episodes, *rest))
        for deviation in rest[0]:
            returns = np.array([deviation, deviation + 2])
            yield Evaluation(returns, np.array([7, 7]), np.array([True, True]))

    run = trained.folder / "seed=3"
    copy = tmp_path / run.parent.name / run.name
    shutil.copytree(run, copy)
    document = {**persistence.read_experiment(run.parent), "preset": preset}
    persistence.write_document(copy.parent / "experiment.json", document)
    monkeypatch.setattr(evaluate, "under_noise", noise)
    monkeypatch.setattr(evaluate, "has_pixels", lambda spec: pixels)
    told = call(capsys, "evaluate", copy, "--json", "--observation-noise", *words)
    assert played == [(2, 2, deviations, arithmetic)]
    assert told.document()["noise_arithmetic"] == (arithmetic if pixels else None)
    assert told.document()["rows"] == [
        {"observation_noise": value, "mean_return": value + 1, "standard_deviation": 1, "num_episodes": 2}
        for value in deviations
    ]


def test_modulo_is_refused_for_vectors(trained, capsys):
    words = ("--observation-noise", "3", "--noise-arithmetic", "modulo")
    told = call(capsys, "evaluate", trained.folder / "seed=3", *words)
    assert (told.status, told.out, len(told.err.splitlines())) == (2, "", 1)
    assert "--noise-arithmetic is 'modulo': observations of CartPole-v1 are no pixels" in told.err


def test_several_runs_are_one_document(trained, capsys, monkeypatch):
    """Said before the last environment is closed, which could end the process."""
    done = []
    monkeypatch.setattr(evaluate, "close", lambda environment: done.append("closed"))
    monkeypatch.setattr(evaluate, "note", lambda status: done.append(status))
    runs = [trained.folder / name for name in ("seed=3", "seed=4")]
    told = call(capsys, "evaluate", *runs, "--num-episodes", "2", "--json").document()
    assert [one["run"] for one in told["runs"]] == list(map(str, runs))
    assert [one["randomness"] for one in told["runs"]] == ["seeded", "seeded"]
    assert done == ["closed", 0, "closed"]
    alone = call(capsys, "evaluate", runs[1], "--num-episodes", "2", "--json").document()
    assert told["runs"][1] == alone


def test_an_experiment_is_no_run(trained, capsys):
    result = call(capsys, "evaluate", trained.folder)
    assert result.status == 2
    assert "seed=3" in result.err
    assert "seed=4" in result.err


@pytest.mark.parametrize("inside", ["", "experiment"])
def test_report(trained, inside, capsys, tmp_path):
    directory = trained.folder if inside else trained.results
    result = call(capsys, "report", directory, "--output", tmp_path)
    assert (result.status, result.err) == (0, "")
    assert (tmp_path / "learning_curves.png").read_bytes().startswith(b"\x89PNG")
    row = result.out.splitlines()[2].split()
    assert row[:5] == ["CartPole-v1", "dqn", "set", "0.9", "2"]
    assert float(row[5]) == pytest.approx(trained.document["final_return_mean"], rel=1e-3)
