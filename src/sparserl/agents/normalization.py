"""Running means and deviations, which bring observations and rewards to a common scale."""

from typing import NamedTuple

import jax.numpy as jnp

from sparserl.types import Array, Normalizer

EPSILON = 1e-3  # added to a variance before its root is taken, as in the published code


class RunningMoments(NamedTuple):
    """Mean and sum of squared deviations `[...]` of `num_examples` examples, each feature by itself."""

    num_examples: Array
    mean: Array
    squares: Array

    @property
    def variance(self) -> Array:
        """Population variance; 1 while there are no examples."""
        return jnp.where(self.num_examples > 0, self.squares / jnp.maximum(self.num_examples, 1), 1.0)


def no_moments(shape: tuple[int, ...]) -> RunningMoments:
    """Moments of no examples: normalizing with them only multiplies by 1 / sqrt(1 + epsilon)."""
    return RunningMoments(jnp.int32(0), jnp.zeros(shape, jnp.float32), jnp.zeros(shape, jnp.float32))


def merged(moments: RunningMoments, examples: Array) -> RunningMoments:
    """The moments once `examples`, `[example, ...]`, are seen, too: Chan et al. 1979, equation 2.1."""
    size = examples.shape[0]
    total, examples = moments.num_examples + size, jnp.asarray(examples, jnp.float32)
    mean = examples.mean(0)
    squares = ((examples - jnp.expand_dims(mean, 0)) ** 2).sum(0)
    distance, share = mean - moments.mean, size / total
    between = distance**2 * (moments.num_examples * share)
    return RunningMoments(total, moments.mean + distance * share, moments.squares + squares + between)


def normalized(moments: RunningMoments, examples: Array, limit: float, center: bool = True) -> Array:
    """`examples`, `[..., *features]`, less their mean, over their deviation, cut at +- `limit`."""
    shape = (1,) * (examples.ndim - moments.mean.ndim) + moments.mean.shape
    mean = moments.mean.reshape(shape) if center else 0.0
    scale = jnp.sqrt(moments.variance.reshape(shape) + EPSILON)
    return jnp.clip((examples - mean) / scale, -limit, limit)


def normalizer_of(moments: RunningMoments, limit: float) -> Normalizer:
    """What `normalized` does with these moments, as numbers."""
    return Normalizer(moments.mean, jnp.sqrt(moments.variance + EPSILON), limit)
