"""CNN and ResNet beside NumPy: outputs, hidden units and gradients."""

import itertools
from collections import OrderedDict

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from networks import in_numpy
from sparserl import linalg
from sparserl.linalg import Compressed
from sparserl.networks import CNN, CNNSettings, ResNet, ResNetSettings

pytestmark = pytest.mark.slow

IMAGE = (13, 11, 2)
CNN_SETTINGS = CNNSettings((3, 4), (4, 3), (2, 1), hidden_units=6)
VALID = CNNSettings((3, 4), (5, 2), (3, 1), "valid", hidden_units=6)
RESNET_SETTINGS = ResNetSettings((3, 4), hidden_units=6)
NETWORKS = {
    "cnn": (CNN(CNN_SETTINGS, IMAGE, 3), in_numpy.cnn),
    "valid": (CNN(VALID, IMAGE, 3), in_numpy.cnn),
    "resnet": (ResNet(RESNET_SETTINGS, IMAGE, 3), in_numpy.resnet),
}


def pixels(*batch_shape):
    return np.random.default_rng(0).integers(0, 256, (*batch_shape, *IMAGE), np.uint8)


def fresh(network, seed=0):
    """Parameters of which the biases, too, are not zero."""
    noise = lambda path, x: x + 0.1 * jax.random.normal(jax.random.key(len(str(path))), x.shape)
    make = lambda key: jax.tree_util.tree_map_with_path(noise, network.init(key))
    return jax.jit(make)(jax.random.key(seed))  # in one program, which is compiled sooner than its parts


def doubles(params):
    return jax.tree.map(lambda x: np.asarray(x, np.float64), params)


@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_and_hidden_units_are_those_of_numpy(name):
    network, by_hand = NETWORKS[name]
    params, observations = fresh(network), pixels(2, 3)
    outputs, hidden = jax.jit(lambda *given: (network.apply(*given), OrderedDict(network.hidden(*given))))(
        params, observations
    )
    assert list(hidden) == list(network.layer_shapes)[:-1]
    for i, j in itertools.product(range(2), range(3)):
        expected = by_hand(network.settings, doubles(params), observations[i, j] / 255)
        np.testing.assert_allclose(outputs[i, j], expected.pop("output"), rtol=1e-4, atol=1e-5)
        for layer, units in expected.items():
            of_unit = units.mean((0, 1)) if units.ndim == 3 else units
            np.testing.assert_allclose(hidden[layer][i, j], of_unit, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(network.apply(params, observations[0, 0]), outputs[0, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_positions_are_the_places_of_each_convolution(name):
    network, by_hand = NETWORKS[name]
    found = by_hand(network.settings, doubles(fresh(network)), pixels() / 255)
    if name != "resnet":
        assert network.positions == {layer: x.shape[0] * x.shape[1] for layer, x in found.items() if x.ndim == 3}
    else:  # a stack's convolution is pooled behind it
        assert network.positions["stack_1_conv"] == 13 * 11
        assert network.positions["stack_2_conv"] == 7 * 6
        assert network.positions["stack_1_block_2_conv_1"] == 7 * 6
        assert network.positions["stack_2_block_1_conv_2"] == 4 * 3
        assert network.layer_shapes["hidden_1"] == (4 * 3 * 4, 6)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_finite_differences_of_numpy(name):
    """Along one random direction of each array, in float64; of the observation, too."""
    network, by_hand = NETWORKS[name]
    params, image = fresh(network), np.random.default_rng(1).random(IMAGE, np.float32)
    weights = np.array([1.0, -2.0, 0.5])
    gradients = jax.jit(jax.grad(lambda given: (network.apply(given[0], given[1]) * weights).sum()))((params, image))

    def value(given):
        return by_hand(network.settings, *given)["output"] @ weights

    given, treedef = jax.tree.flatten(doubles((params, image)))
    slopes = jax.tree.leaves(gradients)
    for k, (array, slope) in enumerate(zip(given, slopes, strict=True)):
        along = np.random.default_rng(k).normal(size=array.shape)
        moved = lambda step, k=k, along=along: jax.tree.unflatten(
            treedef, [x + step * along if i == k else x for i, x in enumerate(given)]
        )
        difference = (value(moved(1e-6)) - value(moved(-1e-6))) / 2e-6
        scale = np.linalg.norm(slope) * np.linalg.norm(along)
        assert abs((slope * along).sum() - difference) < 1e-5 * max(scale, 1.0)


@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [
        *[(8, 4, "same"), (4, 2, "same"), (3, 1, "same"), (2, 3, "same"), (1, 2, "same")],
        *[(5, 3, "valid"), (7, 5, "valid"), (2, 3, "valid"), (3, 1, "valid")],
    ],
)
def test_gradients_of_convolutions_are_those_of_xla(size, stride, padding):
    """Outside and inside of a loop, and batched over kernels."""
    keys = jax.random.split(jax.random.key(0), 3)
    x, kernel = jax.random.normal(keys[0], (2, 12, 17, 3)), jax.random.normal(keys[1], (2, size, size, 3, 4))
    plain = lambda kernel, x: jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), padding.upper(), dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    ours = lambda kernel, x: linalg.convolve(kernel, jnp.zeros(4), x, stride, padding)
    y, pull = jax.vjp(jax.jit(plain), kernel[1], x)
    slopes = jax.random.normal(keys[2], y.shape)
    assert y.shape[1:3] == tuple(linalg.output_side(side, size, stride, padding) for side in (12, 17))

    def gradients(kernel):
        y, pull = jax.vjp(ours, kernel, x)
        return y, *pull(slopes)

    looped = lambda kernel: jax.lax.fori_loop(0, 1, lambda _, found: gradients(kernel), gradients(kernel))
    in_three_ways = jax.jit(lambda kernel: (gradients(kernel[1]), looped(kernel[1]), jax.vmap(gradients)(kernel)))
    alone, in_loop, batched = in_three_ways(kernel)
    for found in (alone, in_loop, jax.tree.map(lambda found: found[1], batched)):
        for each, expected in zip(found, (y, *pull(slopes)), strict=True):
            np.testing.assert_allclose(each, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("size", "stride"), [(3, 2), (2, 2), (3, 3), (2, 3), (5, 2)])
@pytest.mark.parametrize("sides", [(7, 8), (6, 3)])
def test_pooling_and_its_gradient_go_to_the_first_largest(size, stride, sides):
    """Of few values, so that many are equally large: XLA and TensorFlow take the first one by rows."""
    x = jnp.asarray(np.random.default_rng(0).integers(-2, 1, (2, *sides, 3)), jnp.float32)
    window, strides = (1, size, size, 1), (1, stride, stride, 1)
    by_xla = lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, strides, "SAME")
    y, pull = jax.vjp(by_xla, x)
    found, ours = jax.vjp(lambda x: linalg.max_pool(x, size, stride), x)
    np.testing.assert_array_equal(found, y)
    slopes = jnp.asarray(np.random.default_rng(1).integers(-9, 9, y.shape), jnp.float32)
    np.testing.assert_array_equal(ours(slopes)[0], pull(slopes)[0])


@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_seeds_side_by_side_are_seeds_one_by_one(name):
    network, _ = NETWORKS[name]
    params, observations = jax.vmap(network.init)(jax.random.split(jax.random.key(0), 2)), pixels(2, 3)
    gradient = jax.grad(lambda params, x: (network.apply(params, x) ** 2).sum())
    together = jax.jit(jax.vmap(gradient))(params, observations)
    for i in range(2):
        alone = jax.jit(gradient)(jax.tree.map(lambda x, i=i: x[i], params), observations[i])
        jax.tree.map(lambda a, b, i=i: np.testing.assert_allclose(a[i], b, rtol=1e-3, atol=1e-4), together, alone)


@pytest.mark.kernels
@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_the_dense_layers_may_be_compressed(name):
    """Outputs and gradients are those of the dense arrays."""
    network, _ = NETWORKS[name]
    params, observations = fresh(network), pixels(5)
    mask = jax.random.bernoulli(jax.random.key(1), 0.3, params["hidden_1"]["kernel"].shape)
    params["hidden_1"]["kernel"] = jnp.where(mask, params["hidden_1"]["kernel"], 0.0)
    layout = linalg.layout_of(mask, int(mask.sum()))

    def loss(convolutions, values):
        kernel = values if values.ndim == 2 else Compressed(values, layout)
        given = {**params, **convolutions, "hidden_1": {**params["hidden_1"], "kernel": kernel}}
        return (network.apply(given, observations) ** 2).sum(), network.hidden(given, observations)["hidden_1"]

    convolutions = {layer: params[layer] for layer in network.positions}
    gradients = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))
    (of_dense, by_dense), hidden = gradients(convolutions, params["hidden_1"]["kernel"])
    (of_packed, by_packed), same = gradients(convolutions, linalg.gather(layout, params["hidden_1"]["kernel"]))
    np.testing.assert_allclose(same, hidden, rtol=1e-4, atol=1e-5)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    jax.tree.map(close, of_packed, of_dense)
    close(by_packed, linalg.gather(layout, by_dense))


@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_observations_of_all_kinds(name):
    """Pixels count from 0 to 1, False and True are 0 and 1, floats are as they are."""
    network, _ = NETWORKS[name]
    params, bright = fresh(network), pixels(2)
    np.testing.assert_allclose(
        network.apply(params, bright), network.apply(params, bright.astype(np.float32) / 255), rtol=1e-5, atol=1e-6
    )
    flags = bright > 128
    given, as_floats = network.apply(params, flags), network.apply(params, flags.astype(np.float32))
    np.testing.assert_allclose(given, as_floats, rtol=1e-5, atol=1e-6)
