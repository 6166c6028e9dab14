"""Observations as networks take them: as floats and, for convolutional networks, as images."""

import jax
import jax.numpy as jnp

from sparserl.types import Array, UserError

BRIGHTEST = 255.0  # what pixels (uint8) are divided by


def as_floats(observation: Array) -> jax.Array:
    """An observation as float32: pixels (uint8) scaled to [0, 1], False and True as 0 and 1, floats as they are."""
    floats = jnp.asarray(observation, jnp.float32)
    return floats / BRIGHTEST if observation.dtype == jnp.uint8 else floats


def check_image(observation_shape: tuple[int, ...], network: str) -> None:
    """Raise `UserError` unless observations are images `(height, width, channels)`."""
    if len(observation_shape) != 3:
        raise UserError(
            f"network {network} takes images (height, width, channels), but observations have the shape "
            f"{observation_shape}: choose mlp"
        )


def images(observation: Array) -> jax.Array:
    """Images `[batch, height, width, channels]`, float32, of observations `[..., height, width, channels]`."""
    return as_floats(observation).reshape(-1, *observation.shape[-3:])


def unfolded(x: jax.Array, observation: Array) -> jax.Array:
    """What was computed from `images(observation)`, `[batch, ...]`, with the observation's leading axes again."""
    return x.reshape(*observation.shape[:-3], *x.shape[1:])
