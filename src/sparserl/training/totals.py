"""Sums in float32 that lose nothing: a total is two numbers, so that a return is exact to some 14 digits.

Compiled programs have no float64. Source: Knuth, The Art of Computer Programming, volume 2, section 4.2.2, theorem B.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from sparserl.types import Array


class Total(NamedTuple):
    """Sums `[...]`: their float32 values, and what these lack. Sums of whole numbers lack nothing up to 2**24."""

    value: Array
    rest: Array


def zero(shape: tuple[int, ...]) -> Total:
    """Sums of nothing."""
    return Total(jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))


def plus(total: Total, number: Array) -> Total:
    """The sums with one number more in each."""
    value = total.value + number
    added = value - total.value
    rest = total.rest + ((total.value - (value - added)) + (number - added))
    rest = jnp.where(jnp.isfinite(value), rest, jnp.float32(0))
    whole = value + rest
    return Total(whole, jnp.where(jnp.isfinite(value), rest - (whole - value), jnp.float32(0)))


def in_float64(total: Total) -> np.ndarray:
    """The sums as NumPy has them."""
    return np.asarray(total.value, np.float64) + np.asarray(total.rest, np.float64)
