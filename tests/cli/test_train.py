"""`train`: what it writes, that it does not train twice, and what happens when an environment breaks."""

import json
import statistics

import pytest

from cli.command import TINY, call
from sparserl import persistence
from sparserl.cli.train import _mean
from sparserl.experiment import Experiment

pytestmark = pytest.mark.processes


def test_document(trained):
    assert trained.status == 0
    document = trained.document
    assert document["directory"] == str(trained.folder)
    assert [seed["seed"] for seed in document["seeds"]] == [3, 4]
    for seed in document["seeds"]:
        assert seed.keys() >= {"seed", "status", "final_return", "environment_steps", "environment_steps_per_second"}
        assert (seed["status"], seed["environment_steps"]) == ("finished", 300)
    assert document["final_return_mean"] == statistics.mean(seed["final_return"] for seed in document["seeds"])


def test_files(trained):
    rows = persistence.read_evaluations(trained.folder).to_pylist()
    for seed in trained.document["seeds"]:
        mine = [row for row in rows if row["seed"] == seed["seed"]]
        assert [row["environment_steps"] for row in mine] == [0, 100, 200, 300]
        assert seed["final_return"] == mine[-1]["mean_return"]  # the last tenth of four evaluations is one
        assert {row["experiment_id"] for row in mine} == {trained.folder.name}
        facts = json.loads(json.dumps(persistence.read_experiment(trained.folder)["facts"]))
        assert {name: mine[0][name] for name in persistence.FACTS} == facts
    assert (trained.folder / "learning_curves.png").read_bytes().startswith(b"\x89PNG")


def test_sinks_have_been_told(trained):
    lines = (trained.folder / "sinks" / "jsonl" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    returns = [event["mean_return"] for event in events if event["event"] == "evaluation"]
    rows = persistence.read_evaluations(trained.folder).to_pylist()
    assert sorted(returns) == sorted(row["mean_return"] for row in rows)


def test_experiment_json_holds_every_choice(trained):
    document = persistence.read_experiment(trained.folder)
    experiment = Experiment.from_choices(document["choices"])
    assert experiment.identifier == trained.folder.name
    assert experiment.network.hidden_units == (16, 16)
    assert experiment.method.window.interval_updates == 50
    assert document["preset"] == "paper"
    assert document.keys() >= {"versions", "machine", "created"}
    assert document["versions"]["jax"]


def test_a_finished_seed_is_not_trained_again(trained, capsys):
    status = trained.folder / "seed=3" / "status.json"
    before = status.read_bytes()
    again = call(capsys, *trained.words)
    assert again.status == 0
    assert again.document() == trained.document
    assert status.read_bytes() == before
    assert again.err.count("was finished before and is not trained again") == 2


def test_table_and_places(trained, capsys):
    words = [word for word in trained.words if word != "--json"]
    result = call(capsys, *words)
    assert result.status == 0
    assert [line.split()[:2] for line in result.out.splitlines()[2:4]] == [["3", "finished"], ["4", "finished"]]
    assert f"learning curves: {trained.folder / 'learning_curves.png'}" in result.out
    assert result.out.splitlines()[-1] == f"report:          {trained.folder / 'report' / 'index.html'}"
    assert "SET, 90 %, seed 3" in (trained.folder / "report" / "index.html").read_text()


def test_progress_says_what_matters(trained):
    lines = [line for line in trained.told.splitlines() if line.startswith("seed 4: ")]
    assert lines
    for word in ("300 steps", "/s", "return", "density", "evaluation"):
        assert word in lines[-1]


def test_dense_has_one_id_whatever_sparsity_is_asked_for(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("sparserl.study.run_all", lambda *_, **__: [])
    names = set()
    for words in ([], ["--sparsity", "0.5"], ["--distribution", "uniform", "--layer-sparsities", "output=0.5"]):
        command = ["train", "dqn", "dense", "--environment", "CartPole-v1", *TINY, *words]
        names.add(call(capsys, *command, "--output", tmp_path, "--json").document()["experiment_id"])
    assert len(names) == 1
    (name,) = names
    assert persistence.read_experiment(tmp_path / name)["choices"]["sparsity"] == 0.0


def test_an_environment_that_breaks(capsys, tmp_path):
    command = [
        "train",
        "dqn",
        "static",
        "--environment",
        "broken_environments:Raises-v0",
        *TINY,
        "--output",
        tmp_path,
        "--json",
    ]
    result = call(capsys, *command)
    assert result.status == 1
    (seed,) = result.document()["seeds"]
    assert (seed["status"], seed["final_return"]) == ("failed", None)
    assert result.document()["final_return_mean"] is None
    assert "Traceback" not in result.err
    (line,) = [line for line in result.err.splitlines() if line.startswith("sparserl: ")]
    folder = tmp_path / result.document()["experiment_id"] / "seed=0"
    assert line.startswith("sparserl: seed 0 failed: ")
    assert "the arm fell off" in line
    assert line.endswith(str(folder / "log.txt"))
    rows = persistence.read_evaluations(folder).to_pylist()
    assert [row["environment_steps"] for row in rows] == [0, 100, 200]
    assert persistence.read_status(folder).status == "failed"


@pytest.mark.parametrize(
    ("returns", "line"),
    [
        ([7.0, 9.0], "8 (mean of 2 seeds; three or more give an interval)"),
        (
            [1.0, 2.0, 3.0],
            "2 (mean of 3 seeds; 95 % t-interval -0.4841 to 4.484, of so few if returns are about normal)",
        ),
        ([1.0, 2.0, 3.0, 4.0, 5.0], "3 (mean of 5 seeds; 95 % t-interval 1.037 to 4.963)"),
    ],
)
def test_the_mean_comes_with_its_interval_the_method_and_what_few_seeds_lean_on(returns, line):
    """Quantiles of Student's t from a table: 4.303 with 2 degrees of freedom, 2.776 with 4."""
    assert _mean(returns) == line
