"""Sparsity-aware initialisation: the limit of every single weight, counted in NumPy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl.sparsity import sparse_glorot_uniform


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
