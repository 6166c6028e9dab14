"""Convolutions and pooling over images `[batch, height, width, channels]`; one entry point for each."""

from typing import Literal

import jax
import jax.numpy as jnp

from sparserl.types import Array

Padding = Literal["same", "valid"]
DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def convolve(kernel: Array, bias: Array, x: Array, stride: int = 1, padding: Padding = "same") -> jax.Array:
    """A convolution, from `[batch, height, width, in]` to `[batch, height', width', out]`.

    kernel: `[height, width, in, out]`; bias: `[out]`. "same": height' = ceil(height / stride), with zeros around, one
    more at the end where their number is odd, as in TensorFlow.
    """
    x, kernel, strides = jnp.asarray(x), jnp.asarray(kernel), (stride, stride)
    y = jax.lax.conv_general_dilated(x, kernel, strides, padding.upper(), dimension_numbers=DIMENSIONS)
    return y + jnp.expand_dims(bias, (0, 1, 2))


def max_pool(x: Array, size: int, stride: int) -> jax.Array:
    """The largest of each window, padded as in `convolve` with "same" but by nothing that is ever the largest."""
    window, strides = (1, size, size, 1), (1, stride, stride, 1)
    return jax.lax.reduce_window(jnp.asarray(x), -jnp.inf, jax.lax.max, window, strides, "SAME")


def output_side(side: int, size: int, stride: int, padding: Padding) -> int:
    """Places of a kernel of `size` along an axis of length `side`; 0 or less where it does not fit."""
    return -(-side // stride) if padding == "same" else (side - size) // stride + 1
