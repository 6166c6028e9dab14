"""Draws: the numbers of `jax.random`, computed natively."""

import math

import jax
import jax.numpy as jnp

from sparserl import foreign
from sparserl.linalg import native
from sparserl.types import Array, Key


def quick(key: Key) -> Key:
    """The same key, of which `jax.random` makes the same numbers, natively where it can: for many at a time.

    XLA runs Threefry on a CPU as a loop of short operations, several ns a number, where native code takes about one.
    Elsewhere, and for keys of another kind, it is the key itself.
    """
    if jax.default_backend() != "cpu" or native.unavailable_reason():
        return key
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)  # others do not say of which kind they are
    if not typed or str(jax.random.key_impl(key)) != "threefry2x32":
        return key
    return jax.random.wrap_key_data(jax.random.key_data(key), impl=_QUICK)


def _bits(key: Array, shape: tuple[int, ...]) -> jax.Array:
    count = math.prod(shape)
    bits = native.call("sparserl_random_bits", jax.ShapeDtypeStruct((count,), jnp.uint32))(key)
    return jnp.reshape(bits, shape)


_QUICK = foreign.threefry("threefry2x32, native", _bits)
