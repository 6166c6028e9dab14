"""Sizes of CNN and ResNet against numbers counted from the published code; widths; what is refused."""

import json
import pathlib

import jax
import numpy as np
import pytest

from sparserl import linalg
from sparserl.networks import (
    CNN,
    MLP,
    CNNSettings,
    MLPSettings,
    ResNet,
    ResNetSettings,
    make,
    matched_multiplier,
    matched_width,
    scaled,
)
from sparserl.sparsity import METHODS, erk, network_cost, uniform
from sparserl.types import UserError

pytestmark = pytest.mark.slow

STATIC = METHODS["static"]()
EXPECTED = json.loads((pathlib.Path(__file__).parents[1] / "data" / "expected_counts.json").read_text())
ATARI = (84, 84, 4)
NAMES = {"cnn": {"conv1": "conv_1", "conv2": "conv_2", "conv3": "conv_3"}, "resnet": {}}
NAMES["resnet"] |= {f"stack{i}/conv": f"stack_{i + 1}_conv" for i in range(3)}
NAMES["resnet"] |= {
    f"stack{i}/res{j}_{k}": f"stack_{i + 1}_block_{j + 1}_conv_{k + 1}"
    for i in range(3)
    for j in range(2)
    for k in range(2)
}
CASES = {
    "cnn": (CNN(CNNSettings(), ATARI, 6), EXPECTED["nature_cnn"]["A6"]),
    "resnet": (ResNet(ResNetSettings(), ATARI, 9), EXPECTED["impala_resnet"]["A9_h512"]),
}
SPARSITIES = [(name, sparsity) for name, (_, expected) in CASES.items() for sparsity in expected["sparsity"]]


def named(name, entries):
    """The file's layers by our names."""
    names = NAMES[name] | {"dense1": "hidden_1", "dense2": "output"}
    return {names[layer]: entry for layer, entry in entries.items()}


@pytest.mark.parametrize("name", CASES)
def test_layers_and_parameters(name):
    network, expected = CASES[name]
    assert network.layer_shapes == {layer: tuple(e["shape"]) for layer, e in named(name, expected["layers"]).items()}
    assert list(network.layer_shapes) == list(named(name, expected["layers"]))
    assert network.num_parameters() == expected["dense_total_params"]
    params = jax.eval_shape(network.init, jax.random.key(0))
    assert {layer: part["kernel"].shape for layer, part in params.items()} == network.layer_shapes
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == expected["dense_total_params"]


@pytest.mark.parametrize(("name", "sparsity"), SPARSITIES)
def test_sparsities_live_weights_and_cost(name, sparsity):
    network, expected = CASES[name]
    given, biases = expected["sparsity"][sparsity], expected["dense_bias_and_other_params"]
    sparsities = erk(network.layer_shapes, float(sparsity))
    by_layer = named(name, given["erk"])
    assert sparsities == pytest.approx({layer: 1 - entry["density"] for layer, entry in by_layer.items()}, abs=1e-12)
    costs = network_cost(STATIC, network.layer_shapes, sparsities, network.positions)
    pruned = network_cost(METHODS["prune"](), network.layer_shapes, sparsities, network.positions)
    flat = network_cost(STATIC, network.layer_shapes, uniform(network.layer_shapes, float(sparsity)), network.positions)
    assert {cost.name: cost.live_weights for cost in costs} == {n: e["nnz_static_floor"] for n, e in by_layer.items()}
    assert {cost.name: cost.live_weights for cost in pruned} == {n: e["nnz_prune_round"] for n, e in by_layer.items()}
    uniformly = {n: e["nnz_static_floor"] for n, e in named(name, given["uniform"]).items()}
    assert {cost.name: cost.live_weights for cost in flat} == uniformly
    assert sum(cost.live_weights for cost in costs) + biases == given["erk_total_params_incl_bias"]
    assert sum(cost.macs for cost in costs) == given["macs_dense"]
    assert sum(cost.live_macs for cost in costs) == given["macs_erk"]
    assert sum(cost.live_macs for cost in flat) == given["macs_uniform"]


@pytest.mark.parametrize(
    ("settings", "dense", "ratios"),
    [
        (CNNSettings(), 16_007_680, {0.5: 1.55, 0.8: 1.77, 0.9: 1.76, 0.95: 1.74, 0.99: 1.69}),
        (ResNetSettings(), 208_767_488, {0.5: 1.80, 0.8: 2.39, 0.9: 2.57, 0.95: 2.77, 0.99: 2.68}),
        (ResNetSettings(hidden_units=256), 206_782_720, {0.5: 1.32, 0.8: 1.43, 0.9: 1.58, 0.95: 1.56, 0.99: 1.55}),
    ],
)
def test_erk_costs_more_than_uniform(settings, dense, ratios):
    """Figure 7, nine actions: reference_code_facts 10.4."""
    network = make(settings, ATARI, 9)
    shapes, positions = network.layer_shapes, network.positions
    live = lambda sparsities: sum(cost.live_macs for cost in network_cost(STATIC, shapes, sparsities, positions))
    assert sum(cost.macs for cost in network_cost(STATIC, shapes, {}, positions)) == dense
    for sparsity, ratio in ratios.items():
        assert round(live(erk(shapes, sparsity)) / live(uniform(shapes, sparsity)), 2) == ratio


def test_parameters_of_other_sizes():
    """reference_code_facts 10.2 and 10.3."""
    counts = {num: make(CNNSettings(), ATARI, num).num_parameters() for num in (6, 9, 18)}
    assert counts == {6: 4_046_502, 9: 4_048_041, 18: 4_052_658}
    assert make(CNNSettings(padding="valid"), ATARI, 9).num_parameters() == 1_688_745
    counts = {num: make(ResNetSettings(hidden_units=256), ATARI, num).num_parameters() for num in (6, 9, 18)}
    assert counts == {6: 2_373_286, 9: 2_374_057, 18: 2_376_370}


@pytest.mark.parametrize(("name", "sparsity"), SPARSITIES)
def test_matched_dense_widths(name, sparsity):
    """The published file matches live kernels and all biases, in steps of 0.001."""
    network, expected = CASES[name]
    of_width = lambda width: type(network)(type(network.settings)(width=width), ATARI, network.num_outputs)
    given = expected["sparsity"][sparsity]["dense_equiv"]
    width = matched_multiplier(lambda width: of_width(width).num_parameters(), given["target"])
    assert width == given["width"]
    assert of_width(width).num_parameters() == given["params"]
    if "shapes" in given:
        assert [list(shape) for shape in of_width(width).layer_shapes.values()] == given["shapes"]


def test_widths_round_up():
    """As the published code does, in double precision: 0.07 * 100 is 7.000000000000001."""
    assert [scaled(32, 0.7), scaled(64, 0.5), scaled(100, 0.07), scaled(5, 0.01)] == [23, 32, 8, 1]


def test_the_smallest_of_equal_widths_is_found():
    """Counts 2 2 4 4 6 6 ...: brute force over all widths."""
    count = lambda width: (width + 1) // 2 * 2
    for target in range(12):
        expected = min(range(1, 20), key=lambda width: (abs(count(width) - target), width))
        assert matched_width(count, target) == expected


@pytest.mark.parametrize("settings", [CNNSettings(), ResNetSettings(num_blocks=1)])
def test_fresh_kernels_are_glorot_uniform_with_the_places_of_the_kernel(settings):
    network = make(settings, ATARI, 6)
    params = network.init(jax.random.key(0))
    for layer, shape in network.layer_shapes.items():
        places = int(np.prod(shape[:-2]))
        limit = np.sqrt(6 / (places * (shape[-2] + shape[-1])))
        kernel = np.asarray(params[layer]["kernel"])
        assert 0.98 * limit < np.abs(kernel).max() <= np.float32(limit)  # the bound itself is rounded
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)
        assert not params[layer]["bias"].any()


def test_the_network_of_each_settings():
    assert isinstance(make(MLPSettings(), (3,), 2), MLP)
    assert isinstance(make(CNNSettings(), (10, 10, 4), 2), CNN)
    assert isinstance(make(ResNetSettings(), (10, 10, 4), 2), ResNet)
    assert make(MLPSettings(), (3,), 2).positions == {}


@pytest.mark.parametrize(
    ("make_wrong", "words"),
    [
        (lambda: CNNSettings(strides=(4, 2)), r"^channels is \(32, 64, 64\): .* strides, which is \(4, 2\)"),
        (lambda: CNNSettings(channels=()), "channels is"),
        (lambda: CNNSettings(kernel_sizes=(8, 0, 3)), "kernel_sizes is"),
        (lambda: CNNSettings(hidden_units=0), "hidden_units is"),
        (lambda: CNNSettings(width=0.0), "width is 0.0"),
        (lambda: ResNetSettings(width=float("nan")), "width is nan"),
        (lambda: ResNetSettings(num_blocks=0), "num_blocks is"),
        (lambda: CNN(CNNSettings(), (4,), 2), "choose mlp"),
        (lambda: ResNet(ResNetSettings(), (4,), 2), "choose mlp"),
        (lambda: CNN(CNNSettings(padding="valid"), (10, 10, 4), 2), "leaves nothing of images .* at convolution 2"),
    ],
)
def test_what_is_refused(make_wrong, words):
    with pytest.raises(UserError, match=words) as caught:
        make_wrong()
    assert "\n" not in str(caught.value)


def test_convolutions_are_never_compressed():
    """Even where each sparse layer is: only a dense layer's kernel has a compressed form."""
    network, _ = CASES["cnn"]
    densities = {name: 1 - sparsity for name, sparsity in erk(network.layer_shapes, 0.9).items()}
    assert list(linalg.compression_limits(network.layer_shapes, densities, 32, everywhere=True)) == ["hidden_1"]
    assert linalg.break_even((7744, 512), 32) >= 0.1
