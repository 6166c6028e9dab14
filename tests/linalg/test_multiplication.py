"""`x @ kernel` and `kernel @ x` beside those of the dense kernel, in every order of `grad` and `vmap`."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl import linalg
from sparserl.linalg import Compressed

pytestmark = [pytest.mark.slow, pytest.mark.kernels]

RANDOM = np.random.default_rng(0)
MASK = RANDOM.random((12, 5)) < 0.5
DENSE = np.where(MASK, RANDOM.normal(size=MASK.shape), 0).astype(np.float32)
if linalg.unavailable_reason() is None:  # without kernels the tests are left out, but this is read
    LAYOUT = linalg.layout_of(jnp.asarray(MASK), int(MASK.sum()) + 2)
    VALUES = linalg.gather(LAYOUT, DENSE)


def given(*shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def affine(x, kernel, bias):
    return linalg.affine(x, kernel, bias) if isinstance(kernel, Compressed) else x @ kernel + bias[None]


@pytest.mark.parametrize(
    ("multiplied", "shape"),
    [
        (lambda kernel, x: x @ kernel, (12,)),
        (lambda kernel, x: x @ kernel, (3, 7, 12)),
        (lambda kernel, x: affine(x, kernel, x[0, :5]), (7, 12)),
        (lambda kernel, x: kernel @ x, (5,)),
        (lambda kernel, x: kernel @ x, (5, 7)),
        (lambda kernel, x: jax.vmap(lambda x: x @ kernel)(x), (7, 12)),
        (lambda kernel, x: jax.vmap(lambda x: kernel @ x)(x), (7, 5)),
        (lambda kernel, x: jax.vmap(jax.vmap(lambda x: kernel @ jax.nn.relu(x @ kernel)), 1)(x), (3, 7, 12)),
    ],
)
def test_products_and_gradients_are_those_of_the_dense_kernel(multiplied, shape):
    loss = lambda kernel, x: (multiplied(kernel, x) ** 2).sum()
    kernel, x = Compressed(VALUES, LAYOUT), given(*shape)
    close = lambda found, expected: np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    close(multiplied(kernel, x), multiplied(DENSE, x))
    of_kernel, of_x = jax.jit(jax.grad(loss, argnums=(0, 1), allow_int=True))(kernel, x)
    expected, expected_of_x = jax.grad(loss, argnums=(0, 1))(jnp.asarray(DENSE), x)
    close(linalg.scatter(LAYOUT, of_kernel.values), np.where(MASK, expected, 0))
    close(of_x, expected_of_x)
    assert of_kernel.layout.inputs.dtype == jax.dtypes.float0


def test_a_batch_of_examples_is_one_product_and_its_gradient_one_sum():
    loss = lambda kernel, x: (jax.vmap(lambda x: x @ kernel)(x) ** 2).sum()
    program = jax.jit(jax.grad(loss, allow_int=True)).lower(Compressed(VALUES, LAYOUT), given(7, 12)).as_text()
    calls = dict(re.findall(r"custom_call @sparserl_(\w+)\(.*-> \(?tensor<(\w+)>", program))
    assert calls == {"product": "5x7xf32", "sampled_product": f"{VALUES.size}xf32"}


def test_each_example_may_have_a_gradient_of_its_own():
    kernel, x = Compressed(VALUES, LAYOUT), given(7, 12)
    each = jax.vmap(jax.grad(lambda kernel, x: ((x @ kernel) ** 2).sum(), allow_int=True), (None, 0))(kernel, x)
    expected = np.einsum("bi,bo->bio", x, 2 * (x @ DENSE))
    scattered = jax.vmap(linalg.scatter, (None, 0))(LAYOUT, each.values)
    np.testing.assert_allclose(scattered, np.where(MASK, expected, 0), rtol=1e-4, atol=1e-4)


def test_a_batch_of_kernels_is_multiplied_under_vmap():
    stack = Compressed(jnp.stack([VALUES, 2 * VALUES]), jax.tree.map(lambda x: jnp.stack([x, x]), LAYOUT))
    x = given(7, 12)
    found = jax.vmap(lambda kernel: jax.vmap(lambda x: x @ kernel)(x))(stack)
    np.testing.assert_allclose(found, np.stack([x @ DENSE, 2 * x @ DENSE]), rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="several kernels at once are multiplied under vmap"):
        _ = x @ stack


@pytest.mark.parametrize(
    ("mistake", "told"),
    [
        (lambda kernel: given(2, 11) @ kernel, r"x has shape \(2, 11\): x @ kernel of \(12, 5\) takes \[..., 12\]"),
        (lambda kernel: np.float32(1) @ kernel, r"x has shape \(\)"),
        (lambda kernel: given(12) @ jax.tree.map(lambda x: 0.5 * x, kernel), "layout is of float32: .*masked_average"),
        (lambda kernel: kernel @ given(4), r"x has shape \(4,\): .* takes \[5\] or \[5, batch\]"),
        (lambda kernel: kernel @ given(2, 5, 3), r"x has shape \(2, 5, 3\)"),
        (lambda kernel: np.ones((2, 12), int) @ kernel, "x are int32: a compressed kernel computes in float32"),
    ],
)
def test_what_does_not_fit_is_told(mistake, told):
    with pytest.raises(ValueError, match=told):
        mistake(Compressed(VALUES, LAYOUT))
