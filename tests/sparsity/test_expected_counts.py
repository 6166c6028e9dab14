"""Sparsities, live weights and costs against numbers counted from the published code of Graesser et al. 2022.

data/expected_counts.json holds, for each network of the paper and five sparsities, ERK and uniform densities, live
weights of random masks and of pruning, multiply-accumulates, and parameters with biases.
"""

import json
import math
import pathlib

import pytest

from sparserl.sparsity import (
    METHODS,
    Distribution,
    NetworkSize,
    allocate,
    erk,
    live_count,
    network_cost,
    pruned_count,
    uniform,
)
from sparserl.types import UserError

STATIC = METHODS["static"]()
EXPECTED = json.loads((pathlib.Path(__file__).parents[1] / "data" / "expected_counts.json").read_text())


def networks(tree, path=()):
    """Every network in the file, by its path."""
    if isinstance(tree, dict):
        if {"layers", "sparsity"} <= tree.keys():
            yield path, tree
        else:
            for name, branch in tree.items():
                yield from networks(branch, (*path, name))


NETWORKS = {"/".join(path): network for path, network in networks(EXPECTED)}
CASES = [(name, sparsity) for name, network in NETWORKS.items() for sparsity in network["sparsity"]]

# Side of the square of output positions of each convolution, "same" padding of an 84 x 84 image.
NATURE_SIDES = {"conv1": 21, "conv2": 11, "conv3": 11}
RESNET_SIDES = {"stack0/conv": 84, "stack1/conv": 42, "stack2/conv": 21} | {
    f"stack{i}/res{j}_{k}": side for i, side in enumerate((42, 21, 11)) for j in (0, 1) for k in (0, 1)
}
POSITIONS = {layer: side**2 for layer, side in (NATURE_SIDES | RESNET_SIDES).items()}


def shapes_of(network):
    return {layer: tuple(entry["shape"]) for layer, entry in network["layers"].items()}


def test_the_file_covers_every_family():
    assert {name.split("/")[0] for name in NETWORKS} == {"dqn_mlp", "nature_cnn", "impala_resnet", "sac", "ppo"}
    assert len(CASES) == 5 * len(NETWORKS)


@pytest.mark.parametrize(("name", "sparsity"), CASES)
def test_erk(name, sparsity):
    network = NETWORKS[name]
    expected, shapes = network["sparsity"][sparsity], shapes_of(network)
    sparsities = erk(shapes, float(sparsity))
    assert sparsities == pytest.approx(
        {layer: 1 - entry["density"] for layer, entry in expected["erk"].items()}, abs=1e-12
    )
    assert sorted(layer for layer in shapes if sparsities[layer] == 0.0) == sorted(expected["erk_forced_dense"])
    for layer, shape in shapes.items():
        size, entry = math.prod(shape), expected["erk"][layer]
        assert live_count(size, sparsities[layer]) == entry["nnz_static_floor"]
        assert pruned_count(size, sparsities[layer]) == entry["nnz_prune_round"]
        if layer not in expected["erk_forced_dense"]:
            assert (1 - sparsities[layer]) * size / sum(shape) == pytest.approx(expected["erk_epsilon"], rel=1e-12)


@pytest.mark.parametrize(("name", "sparsity"), CASES)
def test_uniform(name, sparsity):
    network = NETWORKS[name]
    expected, shapes = network["sparsity"][sparsity], shapes_of(network)
    sparsities = uniform(shapes, float(sparsity))
    assert {layer: 1 - sparsities[layer] for layer in shapes} == {
        layer: entry["density"] for layer, entry in expected["uniform"].items()
    }
    counts = {layer: live_count(math.prod(shape), sparsities[layer]) for layer, shape in shapes.items()}
    assert counts == {layer: entry["nnz_static_floor"] for layer, entry in expected["uniform"].items()}


@pytest.mark.parametrize(("name", "sparsity"), CASES)
def test_cost(name, sparsity):
    network = NETWORKS[name]
    expected, shapes, biases = network["sparsity"][sparsity], shapes_of(network), network["dense_bias_and_other_params"]
    by_erk = network_cost(STATIC, shapes, erk(shapes, float(sparsity)), POSITIONS)
    pruned = network_cost(METHODS["prune"](), shapes, erk(shapes, float(sparsity)), POSITIONS)
    by_uniform = network_cost(STATIC, shapes, uniform(shapes, float(sparsity)), POSITIONS)

    def total(costs, field):
        return sum(getattr(cost, field) for cost in costs)

    weights, macs = total(by_erk, "weights"), total(by_erk, "macs")
    assert weights == network["dense_kernel_params"]
    assert weights + biases == network["dense_total_params"]
    assert macs == expected["macs_dense"]
    assert total(by_erk, "live_weights") == expected["erk_total_nnz_kernels"]
    assert total(pruned, "live_weights") == expected["erk_total_nnz_kernels_prune"]
    assert total(by_uniform, "live_weights") == expected["uniform_total_nnz_kernels"]
    assert total(by_erk, "live_weights") + biases == expected["erk_total_params_incl_bias"]
    assert total(by_uniform, "live_weights") + biases == expected["uniform_total_params_incl_bias"]
    assert 1 - total(by_erk, "live_weights") / weights == pytest.approx(expected["actual_sparsity_kernels_erk"])
    fraction = (total(by_erk, "live_weights") + biases) / (weights + biases)
    assert fraction == pytest.approx(expected["actual_param_fraction_incl_bias_erk"])
    assert total(by_erk, "live_macs") == expected["macs_erk"]
    assert total(by_uniform, "live_macs") == expected["macs_uniform"]
    assert total(by_erk, "live_macs") / macs == pytest.approx(expected["flops_frac_erk"])
    assert total(by_uniform, "live_macs") / macs == pytest.approx(expected["flops_frac_uniform"])
    ratio = total(by_erk, "live_macs") / total(by_uniform, "live_macs")
    assert ratio == pytest.approx(expected["flops_erk_over_uniform"])


def dense_last_layer_cases():
    for name, network in EXPECTED["dqn_mlp"].items():
        for sparsity, entry in network["last_layer_dense"].items():
            yield f"dqn_mlp/{name}", sparsity, entry
    for name, task in EXPECTED["sac"].items():
        for sparsity, entries in task.get("last_layer_dense", {}).items():
            yield f"sac/{name}/actor", sparsity, entries["actor"]
            yield f"sac/{name}/critic_each", sparsity, entries["critic"]


@pytest.mark.parametrize(("name", "sparsity", "entry"), list(dense_last_layer_cases()))
def test_dense_last_layer(name, sparsity, entry):
    shapes = shapes_of(NETWORKS[name])
    sparsities = Distribution(dense_last_layer=True).sparsities(shapes, float(sparsity))
    assert sparsities == pytest.approx({name: 1 - density for name, density in entry["densities"].items()}, abs=1e-12)
    costs = network_cost(STATIC, shapes, sparsities)
    assert sum(cost.live_weights for cost in costs) == entry["nnz_kernels_total"]
    assert costs[-1].density == 1.0
    assert costs[-1].live_macs == costs[-1].weights


def budget_cases():
    for name, task in EXPECTED["sac"].items():
        for budget, rows in task.get("fig3", {}).items():
            for row in rows:
                yield name, float(budget), row


@pytest.mark.parametrize(("name", "budget", "row"), list(budget_cases()))
def test_allocation_between_actor_and_critics(name, budget, row):
    task = EXPECTED["sac"][name]
    actor, critic = (
        NetworkSize(part["dense_kernel_params"], part["dense_bias_and_other_params"])
        for part in (task["actor"], task["critic_each"])
    )
    share = row["actor_frac"]
    shares = {"actor": share, "critic_1": (1 - share) / 2, "critic_2": (1 - share) / 2}
    sizes = {"actor": actor, "critic_1": critic, "critic_2": critic}
    if not row["sparse_feasible_at_width1"]:
        with pytest.raises(UserError, match="actor_share"):
            allocate(sizes, shares, budget)
        return
    sparsities = allocate(sizes, shares, budget)
    assert sparsities["actor"] == pytest.approx(row["sparse_actor_sparsity_biases_counted"])
    assert sparsities["critic_1"] == sparsities["critic_2"]
    assert sparsities["critic_1"] == pytest.approx(row["sparse_critic_sparsity_biases_counted"])


def test_a_convolution_needs_its_positions():
    with pytest.raises(ValueError, match="'conv'"):
        network_cost(STATIC, {"conv": (3, 3, 4, 8)}, {})
