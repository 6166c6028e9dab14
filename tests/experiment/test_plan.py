"""Plans: how each kernel will be stored, as part of the identity of a run; and runs of compressed networks."""

import dataclasses
import json
from typing import ClassVar

import jax
import numpy as np
import pytest

from cli.command import call
from covering import covering
from sparserl import linalg, persistence
from sparserl.agents.dqn import DQNSettings
from sparserl.experiment import (
    Experiment,
    build,
    canonical,
    describe,
    from_preset,
    matched,
    plan,
    plan_of,
    planned,
    policy_arrays,
    rebuild,
    rounds_otherwise,
    run,
)
from sparserl.experiment.plan import resolved
from sparserl.networks import MLPSettings
from sparserl.sparsity import METHODS, Window, dense_count, kernels, num_live, pruned_count
from sparserl.study.workload import workload
from sparserl.training import EvaluationSettings
from sparserl.types import UserError

pytestmark = [pytest.mark.slow, pytest.mark.kernels]
TINY = {
    "agent": DQNSettings(warmup_steps=50, batch_size=16, target_interval_updates=7),
    "network": MLPSettings(hidden_units=(24, 24)),
    "evaluation": EvaluationSettings(interval_steps=100, num_episodes=2),
    "total_steps": 250,
    "sparsity": 0.7,
}


def tiny(method, **choices):
    table = from_preset("dqn", method, "CartPole-v1")
    windowed = any(field.name == "window" for field in dataclasses.fields(table.method))
    window = Window(0.2, 0.8, 60) if method == "prune" else Window(0.0, 0.8, 20)  # each pruning is compiled
    own = {"method": dataclasses.replace(table.method, window=window)} if windowed else {}
    return from_preset("dqn", method, "CartPole-v1", **{**TINY, **own, **choices})


def last_report(experiment, chunk_steps=1_000):
    for report in run(experiment, seed=1, chunk_steps=chunk_steps):
        arrays = policy_arrays(report.state.agent)
    return report, arrays


def test_auto_takes_what_is_faster_and_says_so():
    wide = planned(from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.9))
    assert wide.storage == "compressed"
    assert "q/hidden_2" in [text.partition("=")[0] for text in wide.compressed_layers]
    assert planned(from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.2)).storage == "masked"
    assert planned(from_preset("dqn", "dense", "CartPole-v1")).storage == "masked"


def test_a_plan_is_an_identity_that_survives_json():
    experiment = tiny("rigl", storage="compressed")
    decided = planned(experiment)
    assert experiment.identifier == decided.identifier == plan_of(experiment).identifier
    assert planned(decided) == decided
    assert Experiment.from_choices(json.loads(json.dumps(decided.choices()))) == decided
    assert decided.identifier != planned(tiny("rigl", storage="masked")).identifier


@pytest.mark.parametrize(
    ("reason", "said"),
    [("no C++ compiler was found", "no C\\+\\+ compiler was found; choose masked or auto")],
)
def test_where_there_are_no_kernels_the_masked_storage_is_taken(monkeypatch, reason, said):
    monkeypatch.setattr(linalg, "unavailable_reason", lambda: reason)
    plan._plans.clear()
    assert planned(from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.9)).storage == "masked"
    with pytest.raises(UserError, match=said) as error:
        planned(tiny("rigl", storage="compressed"))
    assert "\n" not in str(error.value)
    elsewhere = tiny("rigl", storage="compressed", compressed_layers=("q/hidden_2=0.4",))
    with pytest.raises(UserError, match=said):
        build(elsewhere)
    plan._plans.clear()


def test_on_other_devices_the_masked_storage_is_taken(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    plan._plans.clear()
    assert planned(from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.9)).storage == "masked"
    with pytest.raises(UserError, match="for CPUs and JAX runs on gpu; choose masked or auto"):
        planned(tiny("rigl", storage="compressed"))
    plan._plans.clear()


def test_both_storages_begin_alike():
    """Before rounding has grown, the two are the same training: same topology, same weights, same loss."""
    reports = {}
    for storage in ("masked", "compressed"):
        built = build(tiny("rigl", storage=storage))
        state = jax.jit(built.agent.init)(jax.random.key(0))
        dense = {name: linalg.to_dense(kernel) for name, kernel in kernels(state.groups["q"].params).items()}
        reports[storage] = jax.tree.map(np.asarray, dense)
    for name, masked in reports["masked"].items():
        np.testing.assert_array_equal(masked != 0, reports["compressed"][name] != 0)  # drawn without any rounding
        np.testing.assert_allclose(masked, reports["compressed"][name], rtol=1e-6)


@pytest.mark.parametrize("method", covering(["rigl", "prune", "snip"], lambda method: method != "snip"))
def test_a_compressed_run_does_not_depend_on_its_chunks_and_comes_back(method, tmp_path):
    decided = planned(tiny(method, storage="compressed"))
    report, arrays = last_report(decided)
    _, again = last_report(decided, chunk_steps=90)
    assert arrays.keys() == again.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, again[name], err_msg=name)
    assert any(name.endswith("hidden_2/kernel/values") for name in arrays)
    folder = persistence.plan_experiment(tmp_path, decided.identifier, {"choices": decided.choices()}) / "seed=1"
    persistence.write_bundle(folder / "checkpoint", arrays, {})
    experiment, _, state = rebuild(folder)
    assert experiment == decided
    jax.tree.map(np.testing.assert_array_equal, state.groups, report.state.agent.groups)
    assert abs(report.live_density - 0.3) < 0.01


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """A method of another package that rounds its counts as pruning does, and is not called so."""

    window: Window = Window(0.2, 0.8, 60)
    wants_gradients: ClassVar[bool] = False
    born_sparse: ClassVar[bool] = False
    initial_live = staticmethod(dense_count)
    final_live = staticmethod(pruned_count)

    def init(self, key, kernels, sparsities):
        return METHODS["prune"]().init(key, kernels, sparsities)

    def update(self, *arguments):
        return METHODS["prune"]().update(*arguments)


@pytest.fixture
def elsewhere(monkeypatch):
    monkeypatch.setitem(METHODS, "elsewhere", Elsewhere)
    return Elsewhere()


SPARSITY = 0.85  # of which pruning leaves another number of weights alive than random masks have


def like_pruning(method, **choices):
    return dataclasses.replace(tiny("prune", sparsity=SPARSITY, **choices), method=method)


def test_a_method_elsewhere_that_rounds_as_pruning_does_is_described_matched_and_planned_alike(elsewhere):
    ours, theirs = (like_pruning(method, storage="compressed") for method in (tiny("prune").method, elsewhere))
    random = dataclasses.replace(ours, method=tiny("static").method)
    assert plan_of(ours).live_parameters != plan_of(random).live_parameters
    documents = [describe(experiment) for experiment in (ours, theirs)]
    assert [document.pop("method") for document in documents] == ["prune", "elsewhere"]
    assert [document.pop("experiment_id").split("-")[1] for document in documents] == ["prune", "elsewhere"]
    assert documents[0] == documents[1]
    assert matched(ours) == matched(theirs)
    assert rounds_otherwise(theirs)
    assert not rounds_otherwise(random)
    work = workload(theirs)
    assert work == workload(ours)
    assert work.first_computed_parameters > work.computed_parameters


@pytest.mark.parametrize("storage", ["masked", "compressed"])
def test_the_weights_that_it_leaves_alive_are_those_of_its_plan(elsewhere, storage):
    experiment = like_pruning(elsewhere, storage=storage)
    report, _ = last_report(experiment)
    layers = plan_of(experiment).layers
    assert num_live(report.state.agent.groups["q"]) == {name: layer.cost.live_weights for name, layer in layers.items()}
    assert all(layer.initial_live == layer.cost.weights for layer in layers.values())


def test_a_method_that_leaves_all_alive_is_dense_whatever_it_is_called(elsewhere, monkeypatch):
    monkeypatch.setattr(Elsewhere, "final_live", staticmethod(dense_count))
    experiment = dataclasses.replace(like_pruning(elsewhere), sparsity=0.6)  # no plan of an earlier test
    assert canonical(experiment).sparsity == 0.0
    assert planned(experiment).storage == "masked"
    assert [layer.cost.density for layer in plan_of(experiment).layers.values()] == [1.0] * 3
    with pytest.raises(UserError, match="a dense network has no sparse layers"):
        planned(dataclasses.replace(experiment, storage="compressed"))


@pytest.mark.parametrize("counts", ["initial_live", "final_live"])
@pytest.mark.parametrize("stated", [None, -3, 10**9, 12.5])
def test_counts_that_can_be_none_are_refused_with_the_method(elsewhere, monkeypatch, counts, stated):
    """Others that are wrong, but could be, are named by the conformance suite."""
    monkeypatch.setattr(Elsewhere, counts, staticmethod(lambda weights, sparsity: stated))
    plan._plans.clear()
    with pytest.raises(UserError, match=rf"Elsewhere\.{counts} states {stated} live weights of 96 at sparsity 0\.68"):
        plan_of(like_pruning(elsewhere))


def test_counts_of_numpy_are_whole_numbers(elsewhere, monkeypatch):
    monkeypatch.setattr(Elsewhere, "final_live", staticmethod(lambda weights, sparsity: np.int64(weights // 2)))
    plan._plans.clear()
    document = describe(like_pruning(elsewhere))
    assert json.loads(json.dumps(document))["networks"]["q"]["layers"][0]["live_weights"] == 48


def test_an_experiment_is_planned_once_on_its_way(monkeypatch, capsys):
    made = []
    monkeypatch.setattr(plan, "resolved", lambda *arguments: made.append(arguments) or resolved(*arguments))
    plan._plans.clear()
    words = ("--environment", "CartPole-v1", "--sparsity", "0.83")
    assert call(capsys, "describe", "dqn", "rigl", *words, "--json").status == 0
    assert len(made) == 1
    plan._plans.clear()
    made.clear()
    next(run(tiny("rigl"), seed=0))
    assert len(made) == 1


@pytest.mark.parametrize(
    ("agent", "choices", "line"),
    [
        ("dqn", {"total_steps": 2**31}, "total_steps is 2147483648: it must be at most 2,147,483,647"),
        (
            "dqn",
            {"total_steps": 3 * 10**8, "num_environments": 8},
            "total_steps is 300000000: that makes 2,400,000,00",
        ),
        ("ppo", {"total_steps": 5 * 10**8, "agent.batch_size": 2}, "total_steps is 500000000: that makes 2,500,"),
        ("ppo", {"total_steps": 2**31 - 1}, "total_steps is 2147483647: that makes 2,147,483,648 steps of all"),
        ("dqn", {"evaluation.max_episode_steps": 2**31}, "evaluation.max_episode_steps is 2147483648: it must be"),
        ("dqn", {"agent.warmup_steps": 2**40}, "agent.warmup_steps is 1099511627776: it must be at most"),
        ("dqn", {"num_environments": 2**31}, "num_environments is 2147483648: it must be at most"),
    ],
)
def test_more_than_int32_counts_is_refused(agent, choices, line):
    with pytest.raises(UserError) as caught:
        plan_of(from_preset(agent, "static", "CartPole-v1", **choices))
    assert str(caught.value).startswith(line)


def test_as_many_steps_as_int32_counts_are_planned():
    assert plan_of(from_preset("dqn", "static", "CartPole-v1", total_steps=2**31 - 1)).total_updates > 0
