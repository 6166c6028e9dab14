"""Pooling over images `[batch, height, width, channels]`."""

import jax
import jax.numpy as jnp

from sparserl.types import Array


def max_pool(x: Array, size: int, stride: int) -> jax.Array:
    """The largest of each window, padded as in `convolve` with "same" but by nothing that is ever the largest."""
    window, strides = (1, size, size, 1), (1, stride, stride, 1)
    return jax.lax.reduce_window(jnp.asarray(x), -jnp.inf, jax.lax.max, window, strides, "SAME")
