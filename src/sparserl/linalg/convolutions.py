"""Convolutions over images `[batch, height, width, channels]`, and their gradients; one entry point."""

import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp

from sparserl.types import Array

Padding = Literal["same", "valid"]
Pads = tuple[tuple[int, int], tuple[int, int]]  # zeros before and behind, by axis of an image
DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def convolve(kernel: Array, bias: Array, x: Array, stride: int = 1, padding: Padding = "same") -> jax.Array:
    """A convolution, from `[batch, height, width, in]` to `[batch, height', width', out]`.

    kernel: `[height, width, in, out]`; bias: `[out]`. "same": height' = ceil(height / stride), with zeros around, one
    more at the end where their number is odd, as in TensorFlow.
    """
    kernel, x = jnp.asarray(kernel), jnp.asarray(x)
    return _convolution(stride, padding, kernel, x) + jnp.expand_dims(bias, (0, 1, 2))


def output_side(side: int, size: int, stride: int, padding: Padding) -> int:
    """Places of a kernel of `size` along an axis of length `side`; 0 or less where it does not fit."""
    return -(-side // stride) if padding == "same" else (side - size) // stride + 1


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _convolution(stride: int, padding: Padding, kernel: jax.Array, x: jax.Array) -> jax.Array:
    return _plain(stride, padding, kernel, x)


def _forward(stride: int, padding: Padding, kernel: jax.Array, x: jax.Array) -> tuple[jax.Array, Any]:
    return _convolution(stride, padding, kernel, x), (kernel, x)


def _backward(stride: int, padding: Padding, residuals: Any, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Both gradients; on the CPU as forward convolutions, for which XLA has a fast program wherever they occur.

    XLA rewrites other convolutions into that form itself, but not inside a loop or a branch: there these gradients
    took 135 ms instead of 3 (Nature CNN, batch 32, jaxlib 0.10.2; jax issue 12868).
    """

    def by_xla(kernel: jax.Array, x: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        gradients: tuple[jax.Array, jax.Array] = jax.vjp(functools.partial(_plain, stride, padding), kernel, x)[1](dy)
        return gradients

    def by_hand(kernel: jax.Array, x: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
        pads = _pads(kernel.shape, x.shape, stride, padding)
        return _kernel_gradient(kernel, x, dy, stride, pads), _image_gradient(kernel, x, dy, stride, pads)

    gradients: tuple[jax.Array, jax.Array] = jax.lax.platform_dependent(*residuals, dy, cpu=by_hand, default=by_xla)
    return gradients


_convolution.defvjp(_forward, _backward)


def _plain(stride: int, padding: Padding, kernel: jax.Array, x: jax.Array) -> jax.Array:
    pads = _pads(kernel.shape, x.shape, stride, padding)
    convolved = lambda pads, kernel, x: jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), pads, dimension_numbers=DIMENSIONS
    )
    if (more := _widened(kernel.shape, x.shape, stride, pads)) == pads:
        return convolved(pads, kernel, x)
    by_width = {name: functools.partial(convolved, wide) for name, wide in (("cpu", more), ("default", pads))}
    result: jax.Array = jax.lax.platform_dependent(kernel, x, **by_width)
    return result


def _widened(kernel_shape: tuple[int, ...], x_shape: tuple[int, ...], stride: int, pads: Pads) -> Pads:
    """Pads with one more zero at the end of each axis, if there were none and no place of the kernel reaches it.

    XLA's program for a padded convolution takes half the time of that for a convolution without padding (Nature CNN's
    first layer, "valid", batch 32, one core: 1.0 ms instead of 2.3; jaxlib 0.10.2).
    """
    unreached = [(side - size) % stride + 1 < stride for side, size in zip(x_shape[1:3], kernel_shape[:2], strict=True)]
    return ((0, 1), (0, 1)) if pads == ((0, 0), (0, 0)) and all(unreached) else pads


def _kernel_gradient(kernel: jax.Array, x: jax.Array, dy: jax.Array, stride: int, pads: Pads) -> jax.Array:
    """The images, channels in place of the batch, convolved with the slopes `dy`, which stand `stride` apart."""
    images, slopes = jax.lax.optimization_barrier((x.transpose(3, 1, 2, 0), dy.transpose(1, 2, 0, 3)))
    fitting = [
        (before, (places - 1) * stride + size - side - before)
        for (before, _), places, size, side in zip(pads, dy.shape[1:3], kernel.shape[:2], x.shape[1:3], strict=True)
    ]
    if stride > 1 and fitting == [(0, 0), (0, 0)]:
        fitting = [(0, 1), (0, 1)]  # for the speed that `_widened` tells of; what it adds is cut off below
    gradient = jax.lax.conv_general_dilated(
        images, slopes, (1, 1), fitting, rhs_dilation=(stride, stride), dimension_numbers=DIMENSIONS
    )
    height, width, *_ = kernel.shape
    return jax.lax.optimization_barrier(gradient)[:, :height, :width].transpose(1, 2, 0, 3)


def _image_gradient(kernel: jax.Array, x: jax.Array, dy: jax.Array, stride: int, pads: Pads) -> jax.Array:
    """The slopes `dy`, spread out by the stride, convolved with the kernel rotated by half a turn."""
    turned = jax.lax.optimization_barrier(kernel[::-1, ::-1].transpose(0, 1, 3, 2))
    fitting = [
        (size - 1 - before, side + before - 1 - (places - 1) * stride)
        for (before, _), places, size, side in zip(pads, dy.shape[1:3], kernel.shape[:2], x.shape[1:3], strict=True)
    ]
    return jax.lax.conv_general_dilated(
        dy, turned, (1, 1), fitting, lhs_dilation=(stride, stride), dimension_numbers=DIMENSIONS
    )


def _pads(kernel_shape: tuple[int, ...], x_shape: tuple[int, ...], stride: int, padding: Padding) -> Pads:
    rows, columns = jax.lax.padtype_to_pads(x_shape[1:3], kernel_shape[:2], (stride, stride), padding.upper())
    return rows, columns
