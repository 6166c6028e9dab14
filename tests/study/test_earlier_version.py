"""Results that the version before facts were stored has left: they are read, completed, reported and gone on with."""

import json
import shutil
from pathlib import Path

import pytest

from cli.command import call
from sparserl import persistence
from sparserl.experiment import canonical, facts, from_preset, known_facts, planned, with_facts
from sparserl.experiment.choices import Experiment
from sparserl.study import Study
from sparserl.study.stored import stored
from sparserl.study.storing import store

EARLIER = Path(__file__).parent / "results_of_2cacdcc"
IDENTIFIER = "dqn-static-CartPole-v1-0.9-825de42c"
SIZES = {"parameters": 4 * 8 + 8 * 8 + 8 * 2 + 18, "live_parameters": 15 + 18}  # 4-8-8-2, 15 of 112 weights alive


@pytest.fixture
def results(tmp_path):
    """A copy: one run that has finished, and one that was stopped at step 200, its checkpoint of step 150."""
    shutil.copytree(EARLIER, tmp_path / "results")
    return tmp_path / "results"


def test_evaluations_are_read_and_completed(results):
    bare = persistence.read_evaluations(results)
    assert bare.schema.equals(persistence.EVALUATION_SCHEMA)
    assert {row["parameters"] for row in bare.to_pylist()} == {None}
    assert {(row["distribution"], row["storage"], row["network_kind"]) for row in bare.to_pylist()} == {
        ("erk", "masked", "mlp")
    }
    for place in (results, results / IDENTIFIER, results / IDENTIFIER / "seed=0"):
        rows = with_facts(persistence.read_evaluations(place), place).to_pylist()
        assert {(row["parameters"], row["live_parameters"]) for row in rows} == {tuple(SIZES.values())}
    numbers = [{name: row[name] for name in ("seed", "environment_steps", "mean_return")} for row in bare.to_pylist()]
    assert numbers == [{name: row[name] for name in numbers[0]} for row in with_facts(bare, results).to_pylist()]


def test_what_this_version_cannot_make_any_more_is_read_as_it_is(results):
    path = results / IDENTIFIER / "experiment.json"
    document = persistence.read_experiment(path.parent)
    document["choices"]["results_version"] = 3
    persistence.write_document(path, document)
    rows = with_facts(persistence.read_evaluations(results), results).to_pylist()
    assert {(row["parameters"], row["distribution"]) for row in rows} == {(None, "erk")}


def test_the_earlier_study_is_read_and_told_of(capsys, results):
    found = stored(results, "before", "smoke")
    assert (found.preset, found.experiments[0].facts, found.experiments[0].matches) == (None, {}, ())
    shown = call(capsys, "study", "status", "before", "--output", results)
    assert (shown.status, shown.err) == (0, "")
    assert "1 of 2 runs finished, 1 interrupted" in shown.out


def test_report_and_evaluate(capsys, results):
    reported = call(capsys, "report", results)
    assert (reported.status, reported.err) == (0, "")
    assert "dqn static 0.9" in reported.out
    evaluated = call(capsys, "evaluate", results / IDENTIFIER / "seed=0", "--num-episodes", "2", "--json")
    assert evaluated.status == 0
    assert evaluated.document()["rows"][0]["num_episodes"] == 2


def test_planning_an_experiment_again_completes_its_document(results):
    document = persistence.read_experiment(results / IDENTIFIER)
    experiment = Experiment.from_choices(document["choices"])
    assert "facts" not in document
    store(results, Study("again", "Is it completed?", (experiment,), 2, preset="paper"), "smoke")
    completed = persistence.read_experiment(results / IDENTIFIER)
    assert completed["facts"] == facts(experiment, "paper")["facts"]
    assert completed["preset"] == "paper"
    assert {name: completed[name] for name in ("choices", "created", "machine")} == {
        name: document[name] for name in ("choices", "created", "machine")
    }
    store(results, Study("again", "Is it left alone?", (experiment,), 2, preset="published-code"), "quick")
    assert persistence.read_experiment(results / IDENTIFIER) == completed


def test_an_unfinished_run_goes_on_and_all_its_rows_are_complete(capsys, results):
    """From its checkpoint, with --force where the machine is of another class than the one that it was made on."""
    run = results / IDENTIFIER / "seed=1"
    before = persistence.read_evaluations(run).to_pylist()
    assert [row["environment_steps"] for row in before] == [0, 100, 200]
    resumed = call(capsys, "study", "resume", "before", "--output", results, "--force", "--num-workers", "1")
    assert resumed.status == 0, resumed.err
    assert "2 of 2 runs finished" in resumed.out
    status = persistence.read_status(run)
    assert (status.status, status.attempt, status.resumed_from_steps) == ("finished", 2, 150)
    assert "goes on from step 150" in (run / "log.txt").read_text()
    rows = persistence.read_evaluations(run).to_pylist()
    assert [row["environment_steps"] for row in rows] == [0, 100, 200, 300]
    expected = known_facts(
        Experiment.from_choices(persistence.read_experiment(run.parent)["choices"]),
        persistence.read_experiment(run.parent),
    )
    for row in rows:
        assert {name: row[name] for name in persistence.FACTS} == expected
    timeless = lambda row: {name: row[name] for name in row if name not in (*persistence.FACTS, "seconds")}
    assert list(map(timeless, rows[:2])) == list(map(timeless, before[:2]))


def test_train_and_study_store_the_same_document(capsys, tmp_path):
    """So that `evaluate` adds noise as the preset does, whoever trained the run."""
    words = ("--environment", "CartPole-v1", "--preset", "published-code", "--total-steps", "1200")
    few = ("--network.hidden-units", "8", "8", "--evaluation.interval-steps", "1200", "--evaluation.num-episodes", "1")
    trained = call(capsys, "train", "dqn", "dense", *words, *few, "--output", tmp_path / "a", "--json").document()
    identifier = trained["experiment_id"]
    choices = {"total_steps": 1200, "network.hidden_units": (8, 8), "evaluation.interval_steps": 1200}
    choices["evaluation.num_episodes"] = 1
    experiment = planned(canonical(from_preset("dqn", "dense", "CartPole-v1", "published-code", **choices)))
    assert experiment.identifier == identifier
    store(tmp_path / "b", Study("same", "Is it the same?", (experiment,), 1, preset="published-code"), "smoke")
    first, second = (persistence.read_experiment(tmp_path / name / identifier) for name in "ab")
    assert {**first, "created": ""} == {**second, "created": ""}
    assert first["preset"] == first["facts"]["preset"] == "published-code"
    rows = persistence.read_evaluations(tmp_path / "a").to_pylist()
    assert {name: rows[0][name] for name in persistence.FACTS} == json.loads(json.dumps(first["facts"]))
