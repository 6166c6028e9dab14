"""Initializers: starting values that know which weights are alive."""

import jax
import jax.numpy as jnp

from sparserl.types import Array, Key


def sparse_glorot_uniform(key: Key, mask: Array) -> jax.Array:
    """A Glorot-uniform kernel whose fans count live weights only: float32, shaped like `mask`, zero where it is dead.

    mask: bool, dense `[in, out]` or convolution `[height, width, in, out]`. The weight from input i to output j is
    uniform within ± sqrt(3 / max(1, (fan_in(j) + fan_out(i)) / 2)), where fan_in(j) counts the live weights into output
    j and fan_out(i) those out of input i, over all positions of a convolution. Evci et al. 2022 (gradient flow in
    sparse networks), as in the code published with Graesser et al. 2022.
    """
    counts = mask.astype(jnp.float32)
    space = tuple(range(mask.ndim - 2))
    fan_in = counts.sum(axis=(*space, -2), keepdims=True)
    fan_out = counts.sum(axis=(*space, -1), keepdims=True)
    limit = jnp.sqrt(3.0 / jnp.maximum(1.0, (fan_in + fan_out) / 2.0))
    return jnp.where(mask, limit * jax.random.uniform(key, mask.shape, minval=-1.0, maxval=1.0), 0.0)
