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
from sparserl.linalg.products import left_product, matmul
from sparserl.types import Array

_Product = Callable[[Compressed, jax.Array], jax.Array]  # with [features, batch]


def from_left(x: Array, kernel: Compressed) -> jax.Array:
    """`x @ kernel`, from `[..., in]` to `[..., out]`. Raises ValueError where shapes or types do not fit."""
    x = jnp.asarray(x)
    if not x.ndim or x.shape[-1] != kernel.shape[0]:
        raise ValueError(f"x has shape {x.shape}: x @ kernel of {kernel.shape} takes [..., {kernel.shape[0]}]")
    y = _multiplied(kernel, jnp.moveaxis(x, -1, 0), matmul)
    return jnp.moveaxis(y, 0, -1)


def from_right(kernel: Compressed, x: Array) -> jax.Array:
    """`kernel @ x`, from `[out]` or `[out, batch]` to `[in]` or `[in, batch]`. Raises ValueError as the other does."""
    x = jnp.asarray(x)
    if x.ndim not in (1, 2) or x.shape[0] != kernel.shape[1]:
        allowed = f"[{kernel.shape[1]}] or [{kernel.shape[1]}, batch]"
        raise ValueError(f"x has shape {x.shape}: kernel of {kernel.shape} @ x takes {allowed}")
    return _multiplied(kernel, x, left_product)


def _multiplied(kernel: Compressed, x: jax.Array, product: _Product) -> jax.Array:
    if kernel.values.ndim != 1:
        raise ValueError(f"values have shape {kernel.values.shape}: several kernels at once are multiplied under vmap")
    if x.dtype != jnp.float32:
        raise ValueError(f"x are {x.dtype}: a compressed kernel computes in float32")
    return _folding(product, kernel.shape)(kernel.values, *jax.tree.leaves(kernel.layout), x)


@functools.cache
def _folding(product: _Product, shape: tuple[int, int]) -> Callable[..., jax.Array]:
    """A product with `[features, ...]`, whose axes but the first are one batch; `vmap` over x alone adds one more."""
    [structure] = {jax.tree.structure(Layout(0, 0, 0, 0, 0, shape))}  # type: ignore[arg-type]

    def body(values: jax.Array, *arrays: jax.Array) -> jax.Array:
        *layout, x = arrays
        kernel = Compressed(values, jax.tree.unflatten(structure, layout))
        y = product(kernel, x.reshape(x.shape[0], math.prod(x.shape[1:])))
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
