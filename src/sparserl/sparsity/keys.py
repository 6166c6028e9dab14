"""Keys of `sparsify`: what topologies are drawn from, kept as plain numbers that any checkpoint can hold."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.sparsity.masks import Kernels
from sparserl.types import Array, Key, UserError

_KIND = "threefry2x32"  # whichever is JAX's default, so that a stored key stays what it was


def key_data(key: Any, kernels: Kernels) -> Array:
    """Two uint32 numbers from an integer or a key of JAX; from the kernels themselves where there is none."""
    return jax.random.key_data(_of_kernels(kernels) if key is None else _given(key))


def halves(key_data: Array) -> tuple[Key, Key]:
    """Two keys: for the first topology and what is drawn for it, and for the changes of it."""
    first, changes = jax.random.split(jax.random.wrap_key_data(jnp.asarray(key_data), impl=_KIND))
    return first, changes


def check_key(key: Any) -> None:
    """UserError unless it is None, an integer, or one key of JAX of either kind."""
    if key is None or (isinstance(key, int | np.integer) and not isinstance(key, bool)):
        return
    typed = hasattr(key, "dtype") and jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    if typed and key.ndim == 0:
        return
    if not typed and getattr(key, "dtype", None) == jnp.uint32 and key.shape == (2,):
        return
    what = f"an array of shape {list(key.shape)}" if hasattr(key, "shape") else repr(key)
    raise UserError(
        f"key is {what}: give a whole number or one key of jax.random.key; for a key of each seed, call sparsify "
        "inside of what is vmapped"
    )


def _given(key: Any) -> Key:
    if isinstance(key, int | np.integer):
        return jax.random.key(int(key), impl=_KIND)
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(key), impl=_KIND)
    same = str(jax.random.key_impl(key)) == _KIND
    return key if same else jax.random.wrap_key_data(jax.random.bits(key, (2,), jnp.uint32), impl=_KIND)


def _of_kernels(kernels: Kernels) -> Key:
    """A key that is the kernels' own: equal numbers give equal keys, and any other numbers another."""
    key = jax.random.key(0, impl=_KIND)
    for name in sorted(kernels):
        key = jax.random.fold_in(key, _digest(jnp.asarray(kernels[name])))
    return key


def _digest(kernel: jax.Array) -> jax.Array:
    """Thirty-two bits of all bits of an array, the same on every machine, in whichever order they are added."""
    width = min(kernel.dtype.itemsize, 4)
    bits = jax.lax.bitcast_convert_type(kernel, f"uint{8 * width}").astype(jnp.uint32).ravel()
    odd = 2 * jnp.arange(bits.size, dtype=jnp.uint32) + 1
    return jnp.sum(bits * odd, dtype=jnp.uint32)
