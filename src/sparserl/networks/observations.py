"""Observations as networks take them: as floats and, for convolutional networks, as images."""

import jax
import jax.numpy as jnp

from sparserl.types import Array, UserError, channels_axis

BRIGHTEST = 255.0  # what pixels (uint8) are divided by


def as_floats(observation: Array) -> jax.Array:
    """An observation as float32: pixels (uint8) scaled to [0, 1], False and True as 0 and 1, floats as they are."""
    floats = jnp.asarray(observation, jnp.float32)
    return floats / BRIGHTEST if observation.dtype == jnp.uint8 else floats


def check_image(observation_shape: tuple[int, ...], network: str) -> None:
    """Raise `UserError` unless observations are images `(height, width, channels)`."""
    if len(observation_shape) == 3 and channels_axis(observation_shape) == 2:
        return
    raise UserError(
        f"network {network} takes images (height, width, channels), but observations have the shape "
        f"{observation_shape}: choose mlp{_wrapper(observation_shape)}"
    )


def _wrapper(observation_shape: tuple[int, ...]) -> str:
    """What of Gymnasium makes images of observations of that shape, where they may be meant to be some."""
    if len(observation_shape) == 2:
        return f", or gymnasium.wrappers.ReshapeObservation to {(*observation_shape, 1)}"
    if len(observation_shape) == 3:
        return ", or gymnasium.wrappers.TransformObservation with a function that puts few channels last"
    if len(observation_shape) == 4:
        return ", or gymnasium.wrappers.GrayscaleObservation before FrameStackObservation"
    return ""


def images(observation: Array) -> jax.Array:
    """Images `[batch, height, width, channels]`, float32, of observations `[..., height, width, channels]`."""
    return as_floats(observation).reshape(-1, *observation.shape[-3:])


def unfolded(x: jax.Array, observation: Array) -> jax.Array:
    """What was computed from `images(observation)`, `[batch, ...]`, with the observation's leading axes again."""
    return x.reshape(*observation.shape[:-3], *x.shape[1:])
