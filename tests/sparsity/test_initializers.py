"""Sparsity-aware initialisation: the limit of every single weight, counted in NumPy."""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import sparserl
from sparserl.sparsity import sparse_glorot_uniform


class OutputsFirst(NamedTuple):
    """Kernels as equinox has them, in attributes: [out, in], and [out, in, height, width]."""

    weight: jax.Array


ATTENTION = {name: {"kernel": jnp.ones((6, 2, 4))} for name in ("query", "key", "value")}
ATTENTION["out"] = {"kernel": jnp.ones((2, 4, 3))}
LAYOUTS = {
    "flax": ({"dense": {"kernel": jnp.ones((7, 5))}, "conv": {"kernel": jnp.ones((2, 3, 4, 5))}}, -2),
    "stack": ({"dense": {"kernel": jnp.ones((2, 7, 5)), "bias": jnp.ones((2, 5))}}, -2),
    "equinox": ({"dense": OutputsFirst(jnp.ones((5, 7))), "conv": OutputsFirst(jnp.ones((5, 4, 2, 3)))}, 1),
    "attention": ({name: ATTENTION[name] for name in ("query", "key", "value", "out")}, 0),
}


@pytest.mark.parametrize("library", LAYOUTS)
def test_initializers_see_the_inputs_of_every_layout(library):
    """Each weight becomes the number of live weights into its output from any input: its fan-in without space."""
    params, axis = LAYOUTS[library]
    fan_in = lambda key, mask: mask * mask.sum(-2, keepdims=True, dtype=jnp.float32)
    optimizer = sparserl.sparsify(optax.sgd(1.0), "static", sparsity=0.5, key=0, distribution="uniform")
    state = optimizer.init(params)
    born = sparserl.born_sparse(params, state, fan_in)
    for name, mask in sparserl.topology(state).items():
        mask, layer = np.asarray(mask, int), name.partition("[")[0]
        kernel = np.asarray(jax.tree.leaves(born[layer])[-1])
        kernel = kernel[int(name[-2])] if "[" in name else kernel
        into = mask.sum(axis=(0, 1) if name == "out" else axis, keepdims=True)
        np.testing.assert_array_equal(kernel, mask * into)


def limits_by_hand(mask):
    """For each weight sqrt(3 / max(1, mean of its two fans)), each fan counted one live entry at a time."""
    into, out_of = {}, {}
    for place in zip(*np.nonzero(mask), strict=True):
        *_, i, j = place
        into[j] = into.get(j, 0) + 1
        out_of[i] = out_of.get(i, 0) + 1
    limits = np.zeros(mask.shape)
    for place in itertools.product(*map(range, mask.shape)):
        *_, i, j = place
        limits[place] = np.sqrt(3 / max(1, (into.get(j, 0) + out_of.get(i, 0)) / 2))
    return limits


@pytest.mark.parametrize("shape", [(6, 9), (3, 2, 4, 5)])
@pytest.mark.parametrize("density", [0.05, 0.4, 1.0])
def test_every_weight_is_uniform_within_its_own_limit(shape, density):
    mask = np.random.default_rng(0).random(shape) < density
    keys = jax.random.split(jax.random.key(0), 2000)
    drawn = np.asarray(jax.vmap(lambda key: sparse_glorot_uniform(key, jnp.asarray(mask)))(keys))
    assert (drawn[:, ~mask] == 0).all()
    scaled = drawn[:, mask] / limits_by_hand(mask)[mask]
    assert np.abs(scaled).max() <= 1 + 1e-6
    # Of 2000 uniform draws the largest is above 0.98, and mean and variance are those of U(-1, 1).
    assert np.abs(scaled).max(axis=0).min() > 0.98
    assert np.abs(scaled.mean(axis=0)).max() < 5 * np.sqrt(1 / 3 / 2000)
    assert scaled.var() == pytest.approx(1 / 3, rel=0.05)


def test_a_dense_layer_gets_the_ordinary_glorot_limit():
    kernel = sparse_glorot_uniform(jax.random.key(0), jnp.ones((300, 100), bool))
    assert kernel.dtype == jnp.float32
    assert float(jnp.abs(kernel).max()) == pytest.approx(np.sqrt(6 / 400), rel=1e-3)
