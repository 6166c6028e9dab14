"""Networks of SAC and PPO on MuJoCo against numbers counted from the published code (data/expected_counts.json)."""

import importlib.util
import itertools
import json
import pathlib

import numpy as np
import pytest

from sparserl.experiment import describe, from_preset
from sparserl.experiment.kinds import by_name
from sparserl.experiment.plan import resolved
from sparserl.sparsity import live_count, pruned_count
from sparserl.types import Box, EnvSpec

EXPECTED = json.loads((pathlib.Path(__file__).parents[1] / "data" / "expected_counts.json").read_text())
LAYERS = {"hidden_1": "fc1", "hidden_2": "fc2", "output": "fc3"}
NETWORKS = {
    "sac": {"actor": "actor", "critic_1": "critic_each", "critic_2": "critic_each"},
    "ppo": {"actor": "actor(+std bias)", "value": "value"},
}
TASKS = [(agent, name) for agent in NETWORKS for name in EXPECTED[agent]]
CASES = [(*task, sparsity) for task in TASKS for sparsity in ("0.5", "0.8", "0.9", "0.95", "0.99")]


def networks_of(agent, name, sparsity, distribution="erk"):
    task = EXPECTED[agent][name]
    ones = np.ones(task["act"], np.float32)
    spec = EnvSpec(name, (task["obs"],), np.dtype("float32"), Box(ones.shape, -ones, ones), None)
    experiment = from_preset(agent, "rigl", name, sparsity=float(sparsity), distribution=distribution)
    plan = resolved(experiment, spec)
    return by_name(plan.networks), plan.sparsities


@pytest.mark.parametrize(("agent", "name", "sparsity"), CASES)
@pytest.mark.parametrize("distribution", ["erk", "uniform"])
def test_counts(agent, name, sparsity, distribution):
    networks, sparsities = networks_of(agent, name, sparsity, distribution)
    assert list(networks) == list(NETWORKS[agent])
    for network, mlp in networks.items():
        expected = EXPECTED[agent][name][NETWORKS[agent][network]]
        assert mlp.num_parameters() == expected["dense_total_params"]
        for layer, shape in mlp.layer_shapes.items():
            entry = expected["sparsity"][sparsity][distribution][LAYERS[layer]]
            assert list(shape) == expected["layers"][LAYERS[layer]]["shape"]
            value, size = sparsities[f"{network}/{layer}"], shape[0] * shape[1]
            assert value == pytest.approx(1 - entry["density"], abs=1e-12)
            assert live_count(size, value) == entry["nnz_static_floor"]
            if distribution == "erk":
                assert pruned_count(size, value) == entry["nnz_prune_round"]


@pytest.mark.skipif(importlib.util.find_spec("mujoco") is None, reason="mujoco is not installed")
@pytest.mark.parametrize(("agent", "name"), TASKS)
def test_description(agent, name):
    expected = EXPECTED[agent][name]
    document = describe(from_preset(agent, "rigl", f"{name}-v5", sparsity=0.9))
    live = {network: facts["live_parameters"] for network, facts in document["networks"].items()}
    of = lambda network: expected[NETWORKS[agent][network]]["sparsity"]["0.9"]["erk_total_params_incl_bias"]
    assert live == {network: of(network) for network in NETWORKS[agent]}
    matched = expected["dense_equiv_common_width"]["0.9"]
    assert document["matched_dense"] == {"hidden_units": matched["hidden"], "parameters": matched["params"]}
    dense = describe(from_preset(agent, "dense", f"{name}-v5"))["networks"]
    total = expected["total_params_actor_plus_2_critics" if agent == "sac" else "total_params"]
    assert sum(facts["parameters"] for facts in dense.values()) == total
    assert dense["actor"]["share_of_live_parameters"] == pytest.approx(expected["actor_fraction"])


@pytest.mark.skipif(importlib.util.find_spec("mujoco") is None, reason="mujoco is not installed")
@pytest.mark.parametrize(("name", "observations", "actions"), [("Ant-v5", 105, 8), ("Humanoid-v5", 348, 17)])
@pytest.mark.parametrize("agent", NETWORKS)
def test_newer_environments_by_the_same_rule(agent, name, observations, actions):
    """Live weights of all layers and of each network, from its own sizes: floor of the zeros, ERK in closed form."""
    document = describe(from_preset(agent, "static", name, sparsity=0.9))
    sizes = {
        "sac": {"actor": (observations, 256, 256, 2 * actions), "critic_1": (observations + actions, 256, 256, 1)},
        "ppo": {"actor": (observations, 64, 64, actions), "value": (observations, 64, 64, 1)},
    }[agent]
    for network, widths in sizes.items():
        shapes = list(itertools.pairwise(widths))
        weights = np.array([a * b for a, b in shapes])
        sums = np.array([a + b for a, b in shapes], float)
        budget, full = float((weights - np.floor(0.9 * weights)).sum()), np.zeros(3, bool)
        while True:
            scale = (budget - weights[full].sum()) / sums[~full].sum()
            density = np.where(full, 1.0, scale * sums / weights)
            if density.max() <= 1:
                break
            full |= (sums / weights) == (sums / weights)[~full].max()
        live = weights - np.floor((1 - density) * weights + 1e-9)
        layers = document["networks"][network]["layers"]
        assert [layer["live_weights"] for layer in layers] == live.astype(int).tolist()


def test_actor_and_critics_may_have_sparsities_and_widths_of_their_own():
    networks, _ = networks_of("sac", "HalfCheetah", "0.9")
    ones = np.ones(6, np.float32)
    spec = EnvSpec("HalfCheetah", (17,), np.dtype("float32"), Box((6,), -ones, ones), None)
    choices = {"actor_sparsity": 0.5, "critic_sparsity": 0.95, "critic_hidden_units": (300, 300)}
    experiment = from_preset("sac", "rigl", "HalfCheetah-v5", **choices)
    plan = resolved(experiment, spec)
    made = plan.networks
    for network, mlp in by_name(made).items():
        weights = {f"{network}/{layer}": a * b for layer, (a, b) in mlp.layer_shapes.items()}
        live = sum(live_count(size, plan.sparsities[name]) for name, size in weights.items())
        wanted = 0.5 if network == "actor" else 0.05
        assert live / sum(weights.values()) == pytest.approx(wanted, abs=1e-3)
    assert by_name(made)["critic_1"].layer_shapes["hidden_2"] == (300, 300)
    assert made["actor"]["actor"] == networks["actor"]


def test_a_value_network_may_have_a_sparsity_and_widths_of_its_own():
    choices = {"actor_sparsity": 0.5, "critic_sparsity": 0.95, "critic_hidden_units": (100, 100)}
    networks = describe(from_preset("ppo", "rigl", "Pendulum-v1", **choices))["networks"]
    for network, density in (("actor", 0.5), ("value", 0.05)):
        layers = networks[network]["layers"]
        found = sum(layer["live_weights"] for layer in layers) / sum(layer["weights"] for layer in layers)
        assert found == pytest.approx(density, abs=1e-3)
    assert networks["value"]["layers"][1]["shape"] == [100, 100]
