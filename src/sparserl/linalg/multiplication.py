"""Multiplication: `x @ kernel` and `kernel @ x` with compressed kernels, in any order of `grad` and `vmap`.

Others write layers one example at a time and lift them by `vmap`, or with features last. What they multiply becomes one
native product for the whole batch, with gradients for the live weights only that are summed over the batch.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from sparserl import foreign
from sparserl.linalg.compressed import Compressed
from sparserl.linalg.layout import Layout
from sparserl.linalg.products import dense, left_product
from sparserl.types import Array

AVERAGED = "a sum of trees took it for weights; sparserl.masked_average averages kernels"

_Product = Callable[..., jax.Array]  # of a kernel, perhaps a bias, and [features, batch]


def affine(x: Array, kernel: Compressed, bias: Array) -> jax.Array:
    """`x @ kernel + bias`, from `[..., in]` to `[..., out]`, and the gradient of the bias from the same native product.

    Raises ValueError where shapes or types do not fit.
    """
    x = jnp.asarray(x)
    if not x.ndim or x.shape[-1] != kernel.shape[0]:
        raise ValueError(f"x has shape {x.shape}: x @ kernel of {kernel.shape} takes [..., {kernel.shape[0]}]")
    y = _multiplied(dense, kernel, jnp.asarray(bias), jnp.moveaxis(x, -1, 0))
    return jnp.moveaxis(y, 0, -1)


def from_left(x: Array, kernel: Compressed) -> jax.Array:
    """`x @ kernel`, from `[..., in]` to `[..., out]`. Raises ValueError where shapes or types do not fit."""
    return affine(x, kernel, jnp.zeros(kernel.shape[1]))


def from_right(kernel: Compressed, x: Array) -> jax.Array:
    """`kernel @ x`, from `[out]` or `[out, batch]` to `[in]` or `[in, batch]`. Raises ValueError as the other does."""
    x = jnp.asarray(x)
    if x.ndim not in (1, 2) or x.shape[0] != kernel.shape[1]:
        allowed = f"[{kernel.shape[1]}] or [{kernel.shape[1]}, batch]"
        raise ValueError(f"x has shape {x.shape}: kernel of {kernel.shape} @ x takes {allowed}")
    return _multiplied(left_product, kernel, x)


def _multiplied(product: _Product, kernel: Compressed, *arrays: jax.Array) -> jax.Array:
    if kernel.values.ndim != 1:
        raise ValueError(f"values have shape {kernel.values.shape}: several kernels at once are multiplied under vmap")
    if kernel.layout.output_starts.dtype != jnp.int32:
        raise ValueError(f"the layout is of {kernel.layout.output_starts.dtype}: {AVERAGED}")
    if arrays[-1].dtype != jnp.float32:
        raise ValueError(f"x are {arrays[-1].dtype}: a compressed kernel computes in float32")
    return _folding(product, kernel.shape)(kernel.values, *jax.tree.leaves(kernel.layout), *arrays)


@functools.cache
def _folding(product: _Product, shape: tuple[int, int]) -> Callable[..., jax.Array]:
    """A product with `[features, ...]`, whose axes but the first are one batch; `vmap` over x alone adds one more."""
    structure: Any = jax.tree.structure(Compressed(0, Layout(0, 0, 0, 0, 0, shape)))  # type: ignore[arg-type]

    def body(*operands: jax.Array) -> jax.Array:
        kernel = jax.tree.unflatten(structure, operands[: structure.num_leaves])
        *bias, x = operands[structure.num_leaves :]
        y = product(kernel, *bias, x.reshape(x.shape[0], math.prod(x.shape[1:])))
        return y.reshape(y.shape[0], *x.shape[1:])

    def batched(operands: Sequence[jax.Array], axes: Sequence[int | None]) -> tuple[jax.Array, int]:
        *kernel, x = operands
        if any(axis is not None for axis in axes[:-1]):
            each: Any = jax.vmap(body, tuple(axes))
            return each(*operands), 0
        y = folded(*kernel, jnp.moveaxis(x, axes[-1] or 0, -1))
        return y, y.ndim - 1

    folded = foreign.batched_by("sparserl_multiplication", body, batched)
    return folded
