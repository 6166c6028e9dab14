"""Gaussian noise, against JAX's own draws and against the normal distribution."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from sparserl.agents.noise import standard_normal

pytestmark = pytest.mark.slow


def test_draws_are_those_of_jax_random():
    key = jax.random.key(3)
    found, expected = standard_normal(key, (200, 1000)), jax.random.normal(key, (200, 1000))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found.dtype == jnp.float32


def test_draws_are_normal_into_the_tails():
    draws = np.asarray(standard_normal(jax.random.key(0), (1_000_000,)), np.float64)
    assert stats.kstest(draws, "norm").pvalue > 0.01
    for limit in (2.0, 3.0, 4.0):
        expected = 1e6 * 2 * stats.norm.sf(limit)
        assert abs((np.abs(draws) > limit).sum() - expected) < 5 * np.sqrt(expected)


def test_noise_is_computed_once_for_all_its_readers():
    """In the compiled program, logarithms of the draw stand in one place, however many outputs it has."""

    def readers(key):
        noise = standard_normal(key, (256, 6))
        return jnp.tanh(noise), (noise**2).sum(-1), noise.T @ noise

    program = jax.jit(readers).lower(jax.random.key(0)).compile().as_text()
    assert program.count(" log(") == 1


def test_every_seed_of_a_vmap_has_its_own_noise():
    noise = jax.vmap(lambda key: standard_normal(key, (4,)))(jax.random.split(jax.random.key(0), 3))
    expected = jax.vmap(lambda key: jax.random.normal(key, (4,)))(jax.random.split(jax.random.key(0), 3))
    np.testing.assert_allclose(noise, expected, rtol=1e-5, atol=1e-6)
