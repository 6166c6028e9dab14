"""Products of compressed kernels and their gradients, against dense products in float64."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

from sparserl import linalg
from sparserl.linalg import Compressed, Layer

pytestmark = [pytest.mark.slow, pytest.mark.kernels]
cases = st.tuples(
    st.integers(1, 70),  # inputs
    st.integers(1, 70),  # outputs
    st.one_of(st.integers(1, 70), st.sampled_from([127, 128, 129, 256, 300])),  # batch
    st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.01, 0.1, 1.0])),  # density
    st.integers(0, 3),  # padding
    st.integers(0, 2**32 - 1),
)


def kernel_of(dense, mask, room=0):
    layout = linalg.layout_of(jnp.asarray(mask), int(mask.sum()) + room)
    return Compressed(linalg.gather(layout, dense), layout)


def drawn(case):
    """A kernel with its padding, its dense twin, bias, activations and cotangent."""
    num_inputs, num_outputs, batch, density, room, seed = case
    random = np.random.default_rng(seed)
    draw = lambda *shape: random.normal(size=shape).astype(np.float32)
    mask = random.random((num_inputs, num_outputs)) < density
    dense = np.where(mask, draw(*mask.shape), 0)
    return kernel_of(dense, mask, room), dense, draw(num_outputs), draw(num_inputs, batch), draw(num_outputs, batch)


def close(found, expected, scale):
    """Relative error below 1e-5 of the sum of the magnitudes that were added."""
    assert found.shape == expected.shape
    error = np.abs(np.asarray(found, np.float64) - expected)
    assert (error <= 1e-5 * (scale + 1e-30)).all(), (error / (scale + 1e-30)).max()


@settings(max_examples=12, deadline=None)
@given(case=cases)
def test_a_layer_and_its_gradients_are_those_of_float64(case):
    kernel, dense, bias, x, cotangent = drawn(case)
    w, b, a, c = (array.astype(np.float64) for array in (dense, bias, x, cotangent))
    y = w.T @ a + b[:, None]
    layer = lambda values, bias, x: linalg.dense(Compressed(values, kernel.layout), bias, x)
    found, pull = jax.vjp(layer, kernel.values, bias, x)
    close(found, y, np.abs(w).T @ np.abs(a) + np.abs(b)[:, None])
    dvalues, dbias, dx = pull(cotangent)
    live = linalg.to_mask(kernel.layout)
    close(linalg.scatter(kernel.layout, dvalues), np.where(live, a @ c.T, 0), np.abs(a) @ np.abs(c).T)
    assert not np.asarray(dvalues[int(kernel.num_live) :]).any(), "padding has a gradient"
    close(dbias, c.sum(1), np.abs(c).sum(1))
    close(dx, w @ c, np.abs(w) @ np.abs(c))
    close(linalg.matmul(kernel, x), w.T @ a, np.abs(w).T @ np.abs(a))


@settings(max_examples=6, deadline=None)
@given(case=cases)
def test_a_fused_relu_is_a_relu_of_the_same_product(case):
    kernel, _, bias, x, cotangent = drawn(case)
    layer = lambda activation: (
        lambda values, bias, x: activation(linalg.dense(Compressed(values, kernel.layout), bias, x))
    )
    fused = lambda values, bias, x: linalg.dense(Compressed(values, kernel.layout), bias, x, jax.nn.relu)
    y, pull = jax.vjp(fused, kernel.values, bias, x)
    expected, pull_expected = jax.vjp(layer(jax.nn.relu), kernel.values, bias, x)
    np.testing.assert_array_equal(y, expected)
    for a, b in zip(pull(cotangent), pull_expected(cotangent), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def test_gradients_by_finite_differences():
    kernel, _, bias, x, _ = drawn((13, 7, 5, 0.4, 2, 0))
    for activation in (None, jnp.tanh):
        layer = lambda values, bias, x, f=activation: linalg.dense(Compressed(values, kernel.layout), bias, x, f)
        check_grads(layer, (kernel.values, bias, x), order=1, modes=["rev"], atol=1e-2, rtol=1e-2)


def test_what_is_not_wanted_is_not_computed():
    """No gradient of fixed weights (an actor's loss through its critic), none of fixed inputs (the first layer)."""
    kernel, _, bias, x, _ = drawn((13, 7, 5, 0.4, 0, 0))
    of_x = lambda x: linalg.dense(kernel, bias, x, jax.nn.relu).sum()
    of_values = lambda v, x: linalg.dense(Compressed(v, kernel.layout), bias, x, jax.nn.relu).sum()
    calls = lambda loss, *given: set(re.findall(r'custom_call_target="sparserl_(\w+)"', compiled(loss, *given)))
    compiled = lambda loss, *given: jax.jit(loss).lower(*given).compile().as_text()
    assert calls(jax.grad(of_x), x) == {"product", "transposed_product"}
    assert calls(jax.grad(of_values), kernel.values, x) == {"product", "sampled_product"}
    assert calls(jax.grad(of_values, argnums=(0, 1)), kernel.values, x) == {"product", "gradients"}


def test_no_gradient_is_ever_dense():
    kernel, _, bias, x, _ = drawn((61, 53, 5, 0.1, 0, 0))
    loss = lambda v, bias, x: linalg.dense(Compressed(v, kernel.layout), bias, x, jax.nn.relu).sum()
    program = str(jax.make_jaxpr(jax.grad(loss, argnums=(0, 1, 2)))(kernel.values, bias, x))
    assert "61,53" not in program
    assert "53,61" not in program


def test_seeds_each_with_its_own_topology():
    random = np.random.default_rng(0)
    masks = np.stack([random.permutation(60) < 17 for _ in range(3)]).reshape(3, 12, 5)
    dense = random.normal(size=masks.shape).astype(np.float32)
    bias, x = random.normal(size=(3, 5)).astype(np.float32), random.normal(size=(3, 12, 20)).astype(np.float32)

    def loss(values, layout, bias, x):
        return (linalg.dense(Compressed(values, layout), bias, x, jax.nn.relu) ** 2).sum()

    layouts = jax.vmap(lambda mask: linalg.layout_of(mask, 17))(masks)
    values = jax.vmap(linalg.gather)(layouts, dense)
    together = jax.jit(jax.vmap(jax.value_and_grad(loss, argnums=(0, 2, 3))))(values, layouts, bias, x)
    for i in range(3):
        ith = lambda tree, i=i: jax.tree.map(lambda a: a[i], tree)
        alone = jax.value_and_grad(loss, argnums=(0, 2, 3))(ith(values), ith(layouts), bias[i], x[i])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), ith(together), alone)


@pytest.mark.parametrize("axes", [(None, 0), (0, None), (0, 0)])
def test_any_operand_may_have_a_batch(axes):
    kernel, dense, bias, _, _ = drawn((12, 5, 4, 0.5, 0, 0))
    random = np.random.default_rng(1)
    x = random.normal(size=(3, 12, 4) if axes[1] == 0 else (12, 4)).astype(np.float32)
    scale = np.array([1, -2, 3], np.float32) if axes[0] == 0 else np.float32(1)
    layer = lambda scale, x: linalg.dense(Compressed(scale * kernel.values, kernel.layout), bias, x, jax.nn.relu)
    twin = lambda scale, x: linalg.dense(scale * dense, bias, x, jax.nn.relu)
    loss = lambda layer: jax.grad(lambda *operands: (layer(*operands) ** 2).sum(), argnums=(0, 1))
    for of in (lambda f: f, loss):
        found, expected = jax.vmap(of(layer), axes)(scale, x), jax.vmap(of(twin), axes)(scale, x)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), found, expected)


def test_a_batch_of_batches_of_activations_becomes_one_batch():
    """Acting in many environments is one product, not one call for each."""
    kernel, dense, bias, _, _ = drawn((12, 5, 4, 0.5, 0, 0))
    x = np.random.default_rng(1).normal(size=(3, 6, 12, 2)).astype(np.float32)
    nested = jax.vmap(jax.vmap(lambda x: linalg.dense(kernel, bias, x)))
    np.testing.assert_allclose(nested(x), np.einsum("io,abij->aboj", dense, x) + bias[:, None], rtol=1e-4)
    assert "5,36" in jax.jit(nested).lower(x).as_text().replace("x", ",")


def test_scan_and_donation():
    kernel, dense, bias, x, _ = drawn((9, 9, 16, 0.3, 0, 0))

    def step(x, _):
        return linalg.dense(kernel, bias, x, jnp.tanh), None

    run = jax.jit(lambda x: jax.lax.scan(step, x, None, 5)[0], donate_argnums=0)
    expected = x
    for _ in range(5):
        expected = np.tanh(dense.T @ expected + bias[:, None])
    np.testing.assert_allclose(run(jnp.array(x)), expected, rtol=1e-4, atol=1e-5)


def test_not_a_number_stays_one():
    kernel = kernel_of(np.ones((3, 2), np.float32), np.array([[1, 0], [1, 0], [0, 1]], bool))
    x = np.array([[np.nan, 1.0], [1.0, np.inf], [1.0, 1.0]], np.float32)
    y = np.asarray(linalg.dense(kernel, np.zeros(2, np.float32), x, jax.nn.relu))
    np.testing.assert_array_equal(y, [[np.nan, np.inf], [1, 1]])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": np.zeros((4, 2), np.float32)}, r"x has shape \(4, 2\): a kernel \(3, 2\) takes \[3, batch\]"),
        ({"x": np.zeros(3, np.float32)}, r"x has shape \(3,\)"),
        ({"x": np.zeros((3, 2), np.int32)}, "x are int32: a compressed kernel computes in float32"),
        ({"bias": np.zeros(3, np.float32)}, r"bias has shape \(3,\): a kernel \(3, 2\) needs \(2,\)"),
        ({"values": np.zeros(4, np.float32)}, r"values have shape \(4,\): the layout has room for \(3,\)"),
    ],
)
def test_mismatched_operands_are_named_before_they_reach_native_code(change, said):
    kernel = kernel_of(np.ones((3, 2), np.float32), np.array([[1, 0], [1, 0], [0, 1]], bool))
    given = {"values": kernel.values, "bias": np.zeros(2, np.float32), "x": np.zeros((3, 2), np.float32), **change}
    with pytest.raises(ValueError, match=said):
        linalg.dense(Compressed(given["values"], kernel.layout), given["bias"], given["x"])


def test_layers_of_both_kinds_follow_each_other():
    random = np.random.default_rng(0)
    masks = [np.ones((6, 20), bool), random.random((20, 20)) < 0.3, np.ones((20, 3), bool)]
    weights = [np.where(mask, random.normal(size=mask.shape), 0).astype(np.float32) for mask in masks]
    biases = [random.normal(size=mask.shape[1]).astype(np.float32) for mask in masks]
    x = random.normal(size=(8, 6)).astype(np.float32)
    activations = (jax.nn.relu, jax.nn.relu, None)
    dense = [Layer(*layer) for layer in zip(weights, biases, activations, strict=True)]
    mixed = [dense[0], Layer(kernel_of(weights[1], masks[1]), biases[1], jax.nn.relu), dense[2]]
    np.testing.assert_allclose(linalg.feed_forward(mixed, x), linalg.feed_forward(dense, x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (6, 512), (300, 7), (7, 300)])
def test_all_live_is_the_same_kernel(shape):
    random = np.random.default_rng(0)
    dense = random.normal(size=shape).astype(np.float32)
    kernel = linalg.all_live(jnp.asarray(dense))
    np.testing.assert_array_equal(linalg.to_dense(kernel), dense)
    made = linalg.layout_of(jnp.ones(shape, bool), dense.size)
    for found, expected in zip(jax.tree.leaves(kernel.layout), jax.tree.leaves(made), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def test_a_dense_first_layer_of_few_inputs_runs_natively_before_compressed_ones():
    """And nothing else does: not a wide one, not one behind, not a network that is dense throughout."""
    sparse, *_ = drawn((13, 7, 5, 0.4, 0, 0))
    layer = lambda *shape: Layer(jnp.ones(shape), jnp.zeros(shape[1]), jax.nn.relu)
    kinds = lambda *layers: [isinstance(layer.kernel, Compressed) for layer in linalg.as_computed(layers)]
    packed = Layer(sparse, jnp.zeros(7))
    assert kinds(layer(3, 13), packed, layer(7, 2)) == [True, True, False]
    assert kinds(layer(200, 13), packed, layer(7, 2)) == [False, True, False]
    assert kinds(layer(3, 13), layer(13, 7), layer(7, 2)) == [False, False, False]
    assert kinds(packed, layer(7, 2)) == [True, False]


def test_a_mixed_network_has_the_gradients_of_the_dense_one():
    kernel, dense, bias, _, _ = drawn((64, 32, 5, 0.3, 0, 0))
    random = np.random.default_rng(1)
    draw = lambda *shape: jnp.asarray(random.normal(size=shape).astype(np.float32))
    x = draw(40, 6)

    def loss(first, second, third, x):
        y = linalg.feed_forward(
            [Layer(first, jnp.ones(64), jax.nn.relu), Layer(second, bias, jax.nn.relu), Layer(third, jnp.zeros(2))], x
        )
        return (y**2).sum()

    first, third = draw(6, 64), draw(32, 2)
    gradients = jax.grad(loss, argnums=(0, 2, 3))
    for found, expected in zip(gradients(first, kernel, third, x), gradients(first, dense, third, x), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-2)
