"""Results of an earlier version of the rules: they are read, completed and reported, and never gone on with."""

import shutil
from pathlib import Path

import pytest

from cli.command import call
from sparserl import persistence
from sparserl.experiment import (
    RESULTS_VERSION,
    Experiment,
    canonical,
    facts,
    from_preset,
    planned,
    stored_experiment,
    with_facts,
)
from sparserl.study import Study
from sparserl.study.stored import stored
from sparserl.study.storing import store
from sparserl.types import UserError

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
    told = ("results_version", "distribution", "storage", "network_kind")
    assert {tuple(row[name] for name in told) for row in bare.to_pylist()} == {(4, "erk", "masked", "mlp")}
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


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"agent": {"name": "a2c"}}, "agent is 'a2c': choose dqn, sac or ppo; did you mean 'sac'?"),
        ({"network": {"name": "gnn"}}, "network is 'gnn': choose mlp, cnn or resnet; did you mean 'cnn'?"),
        ({"method": {"name": "elsewhere.lottery"}}, "method is 'elsewhere.lottery': choose dense, prune, static"),
        ({"method": "static"}, "method is 'static': it takes choices with the name of what they are of"),
        ({"network": {"name": ["mlp"]}}, "network is ['mlp']: it takes choices with the name"),
        ({"colour": "red"}, "unknown or missing colour in Experiment; it has agent, method"),
        ({"network": {"name": "mlp", "depth": 2}}, "unknown or missing activation, depth, gain, hidden_units"),
        ({"results_version": 3}, "results_version is 3: this sparserl reads 4 to 5; use the version that wrote it"),
        ({"storage": "sparse"}, "storage is 'sparse': it takes auto, masked or compressed"),
    ],
)
def test_choices_that_this_installation_does_not_know_are_one_line_that_names_the_file(results, change, line):
    """Of another version, or of agents, networks and methods of a package that is not here."""
    path = results / IDENTIFIER / "experiment.json"
    document = persistence.read_experiment(path.parent)
    persistence.write_document(path, {**document, "choices": {**document["choices"], **change}})
    with pytest.raises(UserError) as caught:
        stored_experiment(path.parent / "seed=0")
    assert str(caught.value).startswith(f"{path}: {line}")
    persistence.write_document(path, {**document, "choices": [7]})
    with pytest.raises(UserError, match=r"experiment\.json does not say what its runs are: it has no choices"):
        stored_experiment(path.parent / "seed=0")


def test_the_earlier_study_is_read_and_told_of(capsys, results):
    found = stored(results, "before", "smoke")
    assert (found.preset, found.experiments[0].facts, found.experiments[0].matches) == (None, {}, ())
    shown = call(capsys, "study", "status", "before", "--output", results)
    assert (shown.status, shown.err) == (0, "")
    assert "1 of 2 runs finished, 1 interrupted" in shown.out


@pytest.mark.slow
def test_report_and_evaluate(capsys, results):
    reported = call(capsys, "report", results)
    assert (reported.status, reported.err) == (0, "")
    assert "dqn static 0.9" in reported.out
    assert "results version: 4" in reported.out
    evaluated = call(capsys, "evaluate", results / IDENTIFIER / "seed=0", "--num-episodes", "2", "--json")
    assert evaluated.status == 0
    document = evaluated.document()
    assert (document["experiment_id"], document["results_version"]) == (IDENTIFIER, 4)
    assert document["rows"][0]["num_episodes"] == 2


def test_planning_an_experiment_again_completes_its_document(tmp_path):
    experiment = planned(canonical(from_preset("dqn", "static", "CartPole-v1", storage="masked")))
    store(tmp_path, Study("first", "Is it stored?", (experiment,), 2, preset="paper"), "smoke")
    folder = tmp_path / experiment.identifier
    whole = persistence.read_experiment(folder)
    earlier = {name: value for name, value in whole.items() if name not in ("facts", "networks", "preset", "budget")}
    persistence.write_document(folder / "experiment.json", earlier)
    store(tmp_path, Study("again", "Is it completed?", (experiment,), 2, preset="paper"), "smoke")
    assert persistence.read_experiment(folder) == whole
    assert whole["facts"] == facts(experiment, "paper")["facts"]
    store(tmp_path, Study("again", "Is it left alone?", (experiment,), 2, preset="published-code"), "quick")
    assert persistence.read_experiment(folder) == whole


def test_its_runs_are_not_gone_on_with(capsys, results):
    """One line that names both versions, also with --force; the run is as it was, for the version that began it."""
    run = results / IDENTIFIER / "seed=1"
    before = persistence.read_status(run)
    for words in (("resume", "before"), ("resume", "before", "--force"), ("retry", "before")):
        refused = call(capsys, "study", *words, "--output", results, "--num-workers", "1")
        assert refused.status == 2
        assert f"results version 4, and this sparserl trains by {RESULTS_VERSION}" in refused.err
        assert len(refused.err.splitlines()) == 1
    assert persistence.read_status(run) == before
    with pytest.raises(UserError, match=f"results_version is 4: this sparserl trains by {RESULTS_VERSION}"):
        Experiment.from_choices(persistence.read_experiment(run.parent)["choices"])


def test_a_study_of_that_name_says_which_versions_there_are(capsys, results):
    document = persistence.read_experiment(results / IDENTIFIER)
    experiment = Experiment.of_results(document["choices"])
    with pytest.raises(UserError, match=rf"choices.results_version is {RESULTS_VERSION}, there 4"):
        store(results, Study("before", "Is it the same?", (experiment,), 2, preset="paper"), "smoke")


def test_train_and_study_store_the_same_document(capsys, tmp_path, monkeypatch):
    """So that `evaluate` adds noise as the preset does, whoever trained the run."""
    monkeypatch.setattr("sparserl.study.run_all", lambda *_, **__: [])  # it is stored before any run begins
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
