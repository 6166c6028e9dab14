"""Initializers: how kernels are drawn, `[in, out]` for dense layers and `[height, width, in, out]` for convolutions."""

import math
from collections.abc import Callable, Mapping
from typing import Literal

import jax
import jax.numpy as jnp

from sparserl.types import Key, Params

Initializer = Callable[[Key, tuple[int, ...]], jax.Array]


def he_truncated_normal(key: Key, shape: tuple[int, ...]) -> jax.Array:
    """Normal of variance 2 / fan-in, truncated at two deviations and rescaled (He et al. 2015; Deviation 25)."""
    return jax.nn.initializers.variance_scaling(2.0, "fan_in", "truncated_normal")(key, shape, jnp.float32)


def glorot_uniform(key: Key, shape: tuple[int, ...]) -> jax.Array:
    """Uniform of variance 2 / (fan-in + fan-out); both count a kernel's height x width (Glorot and Bengio 2010)."""
    return jax.nn.initializers.glorot_uniform()(key, shape, jnp.float32)


def fan_in_uniform(key: Key, shape: tuple[int, ...]) -> jax.Array:
    """Uniform within 1 / sqrt(fan-in): PyTorch's default for linear layers and convolutions."""
    return uniform_within(math.prod(shape[:-1]) ** -0.5)(key, shape)


def uniform_within(limit: float) -> Initializer:
    """An initializer that draws uniformly from [-limit, limit)."""
    return lambda key, shape: jax.random.uniform(key, shape, jnp.float32, -limit, limit)


def orthogonal(key: Key, shape: tuple[int, ...]) -> jax.Array:
    """A random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2014)."""
    return jax.nn.initializers.orthogonal()(key, shape, jnp.float32)


InitializerName = Literal["he_truncated_normal", "glorot_uniform", "fan_in_uniform", "orthogonal"]
INITIALIZERS: Mapping[str, Initializer] = {
    "he_truncated_normal": he_truncated_normal,
    "glorot_uniform": glorot_uniform,
    "fan_in_uniform": fan_in_uniform,
    "orthogonal": orthogonal,
}


def fresh(key: Key, shapes: Mapping[str, tuple[int, ...]], initializer: InitializerName) -> Params:
    """Kernels of these shapes and zero biases by layer: `{layer: {"kernel": [..., out], "bias": [out]}}`, float32."""
    draw = INITIALIZERS[initializer]
    return {
        name: {"kernel": draw(jax.random.fold_in(key, i), shape), "bias": jnp.zeros(shape[-1:], jnp.float32)}
        for i, (name, shape) in enumerate(shapes.items())
    }
