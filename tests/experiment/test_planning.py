"""Plans: how each kernel will be stored, as part of the identity of a run; and runs of compressed networks."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from sparserl import linalg, persistence
from sparserl.agents.dqn import DQNSettings
from sparserl.experiment import Experiment, build, from_preset, planned, policy_arrays, rebuild, run
from sparserl.networks import MLPSettings
from sparserl.sparsity import Window, kernels
from sparserl.training import EvaluationSettings
from sparserl.types import UserError

pytestmark = pytest.mark.slow

pytestmark = pytest.mark.kernels
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
    window = Window(0.2 if method == "prune" else 0.0, 0.8, 20)
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
    with pytest.raises(ValueError, match="planned"):
        _ = tiny("rigl").identifier
    plan = planned(experiment)
    assert planned(plan) == plan
    assert Experiment.from_choices(json.loads(json.dumps(plan.choices()))) == plan
    assert plan.identifier != planned(tiny("rigl", storage="masked")).identifier


@pytest.mark.parametrize(
    ("reason", "said"),
    [("no C++ compiler was found", "no C\\+\\+ compiler was found; choose masked or auto")],
)
def test_where_there_are_no_kernels_the_masked_storage_is_taken(monkeypatch, reason, said):
    monkeypatch.setattr(linalg, "unavailable_reason", lambda: reason)
    planned.cache_clear()
    assert planned(from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.9)).storage == "masked"
    with pytest.raises(UserError, match=said) as error:
        planned(tiny("rigl", storage="compressed"))
    assert "\n" not in str(error.value)
    plan = tiny("rigl", storage="compressed", compressed_layers=("q/hidden_2=0.4",))
    with pytest.raises(UserError, match=said):
        build(plan)
    planned.cache_clear()


def test_on_other_devices_the_masked_storage_is_taken(monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    planned.cache_clear()
    assert planned(from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.9)).storage == "masked"
    with pytest.raises(UserError, match="for CPUs and JAX runs on gpu; choose masked or auto"):
        planned(tiny("rigl", storage="compressed"))
    planned.cache_clear()


def test_both_storages_begin_alike():
    """Before rounding has grown, the two are the same training: same topology, same weights, same loss."""
    reports = {}
    for storage in ("masked", "compressed"):
        built = build(tiny("rigl", storage=storage))
        state = jax.jit(built.agent.init)(jax.random.key(0))
        dense = {name: linalg.to_dense(kernel) for name, kernel in kernels(state.groups["q"].params).items()}
        reports[storage] = jax.tree.map(np.asarray, dense)
    jax.tree.map(np.testing.assert_array_equal, reports["masked"], reports["compressed"])


@pytest.mark.parametrize("method", ["static", "set", "rigl", "prune", "snip"])
def test_a_compressed_run_does_not_depend_on_its_chunks_and_comes_back(method, tmp_path):
    plan = planned(tiny(method, storage="compressed"))
    report, arrays = last_report(plan)
    _, again = last_report(plan, chunk_steps=37)
    assert arrays.keys() == again.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, again[name], err_msg=name)
    assert any(name.endswith("hidden_2/kernel/values") for name in arrays)
    folder = persistence.plan_experiment(tmp_path, plan.identifier, {"choices": plan.choices()}) / "seed=1"
    persistence.write_bundle(folder / "checkpoint", arrays, {})
    experiment, _, state = rebuild(folder)
    assert experiment == plan
    jax.tree.map(np.testing.assert_array_equal, state.groups, report.state.agent.groups)
    assert abs(report.live_density - 0.3) < 0.01
