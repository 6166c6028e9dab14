"""Masks: which weights are alive, how they are chosen exactly, and how they move.

Kernels and masks are flat dictionaries by layer name, `"network/layer"`. A mask is bool, True = alive; a layer without
an entry is not masked. Nothing here knows about training.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from sparserl import linalg
from sparserl.linalg import Compressed
from sparserl.types import Array, Key, Params, part_of

Kernels = dict[str, Any]  # arrays, or compressed kernels
Masks = dict[str, Array]
Sparsities = Mapping[str, float]


def kernels(params: Params) -> Kernels:
    """The kernels of a tree of parameters by layer name: the leaves whose last dictionary key is "kernel"."""
    leaves, _ = _flattened(params)
    return {_layer_name(path): leaf for path, leaf in leaves if _key_name(path[-1:]) == "kernel"}


def replace_kernels(params: Params, kernels: Mapping[str, Any]) -> Params:
    """The same parameters with the given kernels in place of theirs; other leaves are untouched.

    Raises KeyError for a layer that the parameters do not have.
    """
    leaves, structure = _flattened(params)
    position = {_layer_name(path): i for i, (path, _) in enumerate(leaves) if _key_name(path[-1:]) == "kernel"}
    values = [leaf for _, leaf in leaves]
    for name, kernel in kernels.items():
        values[position[name]] = kernel
    return jax.tree_util.tree_unflatten(structure, values)


def _flattened(params: Params) -> tuple[list[tuple[Any, Any]], Any]:
    """Leaves with their paths; a compressed kernel is one leaf."""
    return jax.tree_util.tree_flatten_with_path(params, is_leaf=lambda leaf: isinstance(leaf, Compressed))


def apply_masks(masks: Mapping[str, Array], kernels: Mapping[str, Array]) -> Kernels:
    """The kernels with exact zeros outside their masks, also where a weight was infinite or not a number."""
    return {
        name: jnp.where(masks[name], kernel, jnp.zeros((), kernel.dtype)) if name in masks else kernel
        for name, kernel in kernels.items()
    }


def live_count(size: int, sparsity: float) -> int:
    """Live weights of a random mask over `size` weights: size - floor(size * sparsity). Deviation 6."""
    return size - math.floor(part_of(size, sparsity))


def dense_count(size: int, sparsity: float) -> int:
    """Live weights of a layer that is dense whatever sparsity is asked for: all."""
    return size


def pruned_count(size: int, sparsity: float) -> int:
    """Live weights that pruning leaves of `size`: size * (1 - sparsity) rounded half to even, and never none."""
    return max(round(size - part_of(size, sparsity)), 1)


def top(scores: Array, k: int | Array, eligible: Array | None = None) -> jax.Array:
    """A mask over exactly the `k` highest eligible scores; equal scores rank by lowest flat index.

    scores: float, any shape; NaN ranks as minus infinity. k: integer scalar from 0 to the size, may be traced.
    eligible: bool, same shape; the others rank below all, so they are chosen only when the eligible ones run out.
    """
    return _top_ranks(_ranks(scores, eligible), k)


def random_masks(key: Key, kernels: Mapping[str, Array], sparsities: Sparsities) -> Masks:
    """For every layer with a sparsity a uniformly random mask with exactly `live_count` live weights.

    The key of a layer is `key` folded with its position in the sorted names of `kernels`.
    """
    return {
        name: _top_ranks(
            jax.random.bits(linalg.quick(jax.random.fold_in(key, position)), kernels[name].shape, jnp.uint32),
            live_count(kernels[name].size, sparsities[name]),
        )
        for position, name in enumerate(sorted(kernels))
        if name in sparsities
    }


def dense_masks(key: Key, kernels: Mapping[str, Array], sparsities: Sparsities) -> Masks:
    """For every layer with a sparsity a mask with every weight alive, as methods begin that remove weights later."""
    return {name: jnp.ones(kernels[name].shape, bool) for name in sorted(kernels) if name in sparsities}


def drop_and_grow(mask: Array, magnitude: Array, growth: Array, moved: int | Array) -> jax.Array:
    """Move `moved` connections of a layer: from the live weights of smallest magnitude to the best growth scores.

    All arrays have the shape of the kernel. The n - moved live weights of largest magnitude stay; then the `moved` best
    scores among all others grow, so a weight that was just dropped may come back (Deviation 3). The number of live
    weights n never changes. `moved` (scalar, may be traced) is cut to n, and not to the number of dead weights: where
    these are fewer, some of the dropped ones come back, and which of them decides the score as well.
    Evci et al. 2020, Algorithm 1; Mocanu et al. 2018.
    """
    live = jnp.sum(mask, dtype=jnp.int32)
    moved = jnp.clip(moved, 0, live)
    kept = top(magnitude, live - moved, eligible=mask)
    return kept | top(growth, moved, eligible=~kept)


def _ranks(scores: Array, eligible: Array | None) -> jax.Array:
    """The order-preserving uint32 image of float32 scores; ineligible entries are 0, below every score."""
    scores = jnp.asarray(scores, jnp.float32)
    scores = jnp.where(jnp.isnan(scores), -jnp.inf, scores)
    scores = jnp.where(scores == 0, 0.0, scores)  # -0.0 equals 0.0, so their bits must too
    bits = jax.lax.bitcast_convert_type(scores, jnp.uint32)
    sign = jnp.uint32(1 << 31)
    ranks = jnp.where(bits >= sign, ~bits, bits | sign)
    return ranks if eligible is None else jnp.where(eligible, ranks, jnp.uint32(0))


@jax.jit
def _top_ranks(ranks: jax.Array, k: int | Array) -> jax.Array:
    """A mask over the `k` highest uint32 ranks, equal ranks by lowest flat index; natively where that can be."""
    if linalg.unavailable_reason() is not None:
        return _top_ranks_by_counting(ranks, k)
    # All ranks are at least 0; the comparison is removed by XLA, and tells `shard_map` that the mask varies as they do.
    natively = lambda ranks, k: linalg.select(ranks, k) & (ranks >= 0)
    return jax.lax.platform_dependent(ranks, k, cpu=natively, default=_top_ranks_by_counting)


def _top_ranks_by_counting(ranks: jax.Array, k: int | Array) -> jax.Array:
    """The same in plain XLA.

    The k-th highest rank is found bit by bit, from the highest: 32 counting passes instead of a sort, which costs far
    more on every backend, does not need `k` at trace time, and is the same work under vmap.
    """
    flat = ranks.ravel()
    k = jnp.asarray(k, jnp.int32)

    def try_bit(step: jax.Array, threshold: jax.Array) -> jax.Array:
        candidate = threshold | (jnp.uint32(1 << 31) >> jnp.asarray(step, jnp.uint32))
        return jnp.where(jnp.sum(flat >= candidate, dtype=jnp.int32) >= k, candidate, threshold)

    zero = jnp.max(flat, initial=0) & jnp.uint32(0)  # varies over a mesh as the ranks do
    threshold = jax.lax.fori_loop(0, 32, try_bit, zero)
    above, equal = flat > threshold, flat == threshold
    missing = k - jnp.sum(above, dtype=jnp.int32)
    first_equal = equal & (jnp.cumsum(equal, dtype=jnp.int32) <= missing)
    return (above | first_equal).reshape(ranks.shape)


def _layer_name(path: tuple) -> str:
    return "/".join(_key_name((key,)) for key in path[:-1])


def _key_name(path: tuple) -> str:
    """The name of a path of one key; the empty path (a tree that is one leaf) has no name."""
    return jax.tree_util.keystr(path, simple=True)
