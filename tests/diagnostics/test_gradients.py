"""Gradient moments and signal-to-noise ratios: closed forms, a float64 Jacobian, and the memory they take."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl.diagnostics import WHOLE, Moments, gradient_moments, layers, of_gradients, signal_to_noise
from sparserl.networks import MLP, MLPSettings

pytestmark = pytest.mark.slow

LIMIT_BYTES = 1e9  # of one batch of per-example gradients


def linear(weights, example):
    return jnp.vdot(weights["kernel"], example)


def test_of_a_linear_loss_the_examples_are_the_gradients():
    examples = np.random.default_rng(0).normal(0.5, 2.0, (37, 6)).astype(np.float32)
    moments = gradient_moments(linear, {"kernel": jnp.ones(6)}, examples)
    exact = examples.astype(np.float64)
    np.testing.assert_allclose(moments.mean["kernel"], exact.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moments.variance["kernel"], exact.var(0), rtol=1e-5)
    found = signal_to_noise(moments.mean["kernel"], moments.variance["kernel"])
    np.testing.assert_allclose(found, np.abs(exact.mean(0)) / exact.std(0), rtol=1e-4)


def test_by_hand():
    """Gradients 1, 2, 3: mean 2, population variance 2/3. And -1, 1: no signal."""
    examples = jnp.array([[1.0, -1.0], [2.0, 1.0], [3.0, 0.0]])
    mean, variance = gradient_moments(linear, {"kernel": jnp.zeros(2)}, examples)
    np.testing.assert_allclose(mean["kernel"], [2.0, 0.0], atol=1e-7)
    np.testing.assert_allclose(variance["kernel"], [2 / 3, 2 / 3], rtol=1e-6)
    np.testing.assert_allclose(signal_to_noise(mean["kernel"], variance["kernel"]), [np.sqrt(6.0), 0.0], atol=1e-6)


def test_no_gradient_is_no_signal_and_a_constant_one_is_all_signal():
    examples = jnp.array([[0.0, 3.0]] * 5)
    mean, variance = gradient_moments(linear, {"kernel": jnp.zeros(2)}, examples)
    np.testing.assert_array_equal(variance["kernel"], [0.0, 0.0])
    np.testing.assert_allclose(signal_to_noise(mean["kernel"], variance["kernel"]), [0.0, 3.0 / 1e-10], rtol=1e-6)


def test_one_example_has_no_noise_to_compare_with():
    params = {"output": {"kernel": jnp.zeros((2, 1)), "bias": jnp.zeros(1)}}
    loss = lambda params, example: linear(params["output"], example) + params["output"]["bias"].sum()
    moments = gradient_moments(loss, params, jnp.array([[[1.0], [2.0]]]))
    columns = of_gradients(moments, {"output": np.array([[True], [False]])})[WHOLE]
    assert {columns[f"{part}signal_to_noise"] for part in ("", "live_", "dead_")} == {None}
    np.testing.assert_allclose(columns["gradient_norm"], np.sqrt(6.0), rtol=1e-6)


def test_a_small_spread_about_a_large_mean_is_not_cancelled():
    """The mean of squares less the square of the mean would be off by more than the variance in float32."""
    examples = (10_000 + np.random.default_rng(0).normal(0.0, 1.0, (256, 4))).astype(np.float32)
    variance = gradient_moments(linear, {"kernel": jnp.zeros(4)}, examples).variance["kernel"]
    np.testing.assert_allclose(variance, examples.astype(np.float64).var(0), rtol=1e-2)
    naive = (examples**2).mean(0) - examples.mean(0) ** 2
    assert np.abs(naive / examples.astype(np.float64).var(0) - 1).max() > 0.5


def numpy_jacobian(params, x, y):
    """Per-example gradients of 0.5 |f(x) - y|^2 of a ReLU network of two hidden layers, backwards by hand, float64."""
    exact = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    names, inputs = ("hidden_1", "hidden_2", "output"), [np.asarray(x, np.float64)]
    for name in names:
        z = inputs[-1] @ exact[name]["kernel"] + exact[name]["bias"]
        inputs.append(z if name == "output" else np.maximum(z, 0))
    slope, found = inputs[-1] - y, {}
    for index in (2, 1, 0):
        found[names[index]] = {"kernel": inputs[index][:, :, None] * slope[:, None, :], "bias": slope}
        slope = (slope @ exact[names[index]]["kernel"].T) * (inputs[index] > 0)
    return found


def problem(seed=0, batch=23):
    random = np.random.default_rng(seed)
    network = MLP(MLPSettings((9, 7), output_limit=None), (4,), 3)
    params = network.init(jax.random.key(seed))
    masks = {name: random.random(shape) < 0.4 for name, shape in network.layer_shapes.items()}
    for name, mask in masks.items():
        params[name]["kernel"] = jnp.where(mask, params[name]["kernel"], 0.0)
    x, y = (random.normal(size=(batch, n)).astype(np.float32) for n in (4, 3))
    loss = lambda params, example: 0.5 * jnp.sum((network.apply(params, example[0]) - example[1]) ** 2)
    return network, params, masks, loss, (x, y)


def test_against_a_float64_jacobian_dead_weights_included():
    _, params, masks, loss, (x, y) = problem()
    moments = jax.jit(gradient_moments, static_argnums=0)(loss, params, (x, y))
    jacobian = numpy_jacobian(params, x, y)
    for layer, arrays in jacobian.items():
        for name, exact in arrays.items():
            np.testing.assert_allclose(moments.mean[layer][name], exact.mean(0), rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(moments.variance[layer][name], exact.var(0), rtol=1e-4, atol=1e-6)

    ratio = {
        layer: {name: np.abs(g.mean(0)) / (g.std(0) + 1e-10) for name, g in arrays.items()}
        for layer, arrays in jacobian.items()
    }
    every = [r.ravel() for arrays in ratio.values() for r in arrays.values()]
    found = of_gradients(moments, masks)
    assert list(found) == ["hidden_1", "hidden_2", "output", WHOLE]
    mean = lambda parts: np.concatenate(list(parts)).mean()
    np.testing.assert_allclose(found[WHOLE]["signal_to_noise"], mean(every), rtol=1e-4)
    of_live = mean(ratio[layer]["kernel"][mask] for layer, mask in masks.items())
    of_dead = mean(ratio[layer]["kernel"][~mask] for layer, mask in masks.items())
    np.testing.assert_allclose(found[WHOLE]["live_signal_to_noise"], of_live, rtol=1e-4)
    np.testing.assert_allclose(found[WHOLE]["dead_signal_to_noise"], of_dead, rtol=1e-4)
    for layer, mask in masks.items():
        np.testing.assert_allclose(
            found[layer]["dead_signal_to_noise"], ratio[layer]["kernel"][~mask].mean(), rtol=1e-4
        )
        kernel, bias = (jacobian[layer][name].mean(0) for name in ("kernel", "bias"))
        norm = np.sqrt((kernel**2).sum() + (bias**2).sum())
        np.testing.assert_allclose(found[layer]["gradient_norm"], norm, rtol=1e-4)
        norm = np.sqrt((kernel[mask] ** 2).sum() + (bias**2).sum())
        np.testing.assert_allclose(found[layer]["live_gradient_norm"], norm, rtol=1e-4)


def test_what_is_not_there_is_not_measured():
    """A dense layer has no dead weights, and constants have no kernel."""
    ones = {"hidden_1": {"kernel": np.ones((2, 3)), "bias": np.ones(3)}, "constants": {"bias": np.full(2, 2.0)}}
    found = of_gradients(Moments(ones, ones), {"hidden_1": np.ones((2, 3), bool)})
    assert found["hidden_1"]["dead_signal_to_noise"] is None
    np.testing.assert_allclose(found["hidden_1"]["gradient_norm"], 3.0)
    np.testing.assert_allclose(found["hidden_1"]["live_signal_to_noise"], 1.0, rtol=1e-9)
    assert (found["constants"]["live_signal_to_noise"], found["constants"]["dead_signal_to_noise"]) == (None, None)
    np.testing.assert_allclose(found["constants"]["signal_to_noise"], np.sqrt(2.0), rtol=1e-9)
    np.testing.assert_allclose(found[WHOLE]["gradient_norm"], np.sqrt(17.0))


def test_parameters_outside_of_layers_are_layers_of_their_own():
    params = {"stack": {"conv": {"kernel": np.zeros((1, 2)), "bias": np.zeros(2)}}, "log_deviation": np.zeros(3)}
    found = layers(params)
    assert {layer: sorted(arrays) for layer, arrays in found.items()} == {
        "log_deviation": ["log_deviation"],
        "stack/conv": ["bias", "kernel"],
    }


@pytest.mark.parametrize(("inputs", "batch"), [(7744, 32), (376, 256)])
def test_a_batch_of_gradients_never_takes_a_gigabyte(inputs, batch):
    """Four million weights, as in the image network, and an MLP of the size of Humanoid's, by XLA's own account."""
    network = MLP(MLPSettings((512, 512)), (inputs,), 9)
    params = jax.eval_shape(network.init, jax.random.key(0))
    examples = (jax.ShapeDtypeStruct((batch, inputs), jnp.float32), jax.ShapeDtypeStruct((batch, 9), jnp.float32))
    loss = lambda params, example: jnp.sum((network.apply(params, example[0]) - example[1]) ** 2)
    num_bytes = 4 * network.num_parameters()

    program = (
        jax.jit(lambda params, examples: gradient_moments(loss, params, examples)).lower(params, examples).compile()
    )
    found = program.memory_analysis().temp_size_in_bytes
    assert found < 6 * num_bytes
    assert found < 0.15 * LIMIT_BYTES
    jacobian = jax.eval_shape(jax.vmap(jax.grad(loss), (None, 0)), params, examples)
    assert found < sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(jacobian)) / 4
