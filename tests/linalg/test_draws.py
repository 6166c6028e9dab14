"""Draws made natively are those of `jax.random`, number for number, whatever is drawn and however it is batched."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl.linalg import quick

pytestmark = pytest.mark.kernels

DRAWS = {
    "bits": lambda key: jax.random.bits(key, (7, 3)),
    "one number": lambda key: jax.random.bits(key),
    "none": lambda key: jax.random.uniform(key, (0, 3)),
    "8 bits": lambda key: jax.random.bits(key, (300,), "uint8"),
    "16 bits": lambda key: jax.random.bits(key, (65,), "uint16"),
    "uniform": lambda key: jax.random.uniform(key, (300,), minval=-1.0),
    "normal": lambda key: jax.random.normal(key, (256, 6)),
    "whole numbers": lambda key: jax.random.randint(key, (256,), 0, 999),
    "permutation": lambda key: jax.random.permutation(key, 100),
    "keys": lambda key: jax.random.key_data(jax.random.split(jax.random.fold_in(key, 2), 5)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_numbers_are_those_of_jax(name):
    draw, exact = DRAWS[name], name != "normal"
    keys = jax.random.split(jax.random.key(3), 6).reshape(2, 3)
    ours = lambda key: draw(quick(key))
    # What is made of the bits is compiled by itself here and there, and may be rounded otherwise; the bits may not.
    same = lambda found, expected: np.testing.assert_allclose(found, expected, rtol=0 if exact else 1e-5)
    same(ours(keys[1, 2]), draw(keys[1, 2]))
    same(jax.jit(jax.vmap(jax.vmap(ours)))(keys), jax.vmap(jax.vmap(draw))(keys))


def test_the_published_answer():
    """Key 0, counter 0, of Salmon et al.'s known-answer tests: 6b200159 99ba4efe."""
    key = jax.random.wrap_key_data(jnp.zeros(2, jnp.uint32))
    assert int(jax.random.bits(quick(key), (1,))[0]) == 0x6B200159 ^ 0x99BA4EFE


@pytest.mark.parametrize("key", [jax.random.key(1, impl="rbg"), jax.random.PRNGKey(1)], ids=["rbg", "untyped"])
def test_a_key_of_another_kind_stays_what_it_is(key):
    assert quick(key) is key


def test_numbers_stay_those_of_jax_where_it_makes_them_the_old_way():
    draw = lambda key: jax.random.uniform(key, (9,))
    with jax.threefry_partitionable(False):
        np.testing.assert_array_equal(draw(quick(jax.random.key(5))), draw(jax.random.key(5)))


def test_numbers_of_64_bits_are_those_of_jax():
    with jax.enable_x64(True):
        draw = lambda key: jax.random.bits(key, (9,), "uint64")
        np.testing.assert_array_equal(draw(quick(jax.random.key(5))), draw(jax.random.key(5)))
