"""Storage: parameters whose kernels are dense or compressed, and how either becomes the other.

"Floats" are parameters with the values `[capacity]` of a compressed kernel in its place: what is differentiated,
averaged and stepped. Integers, the layouts, never are.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import jax

from sparserl import linalg
from sparserl.linalg import Compressed
from sparserl.sparsity.masks import Kernels, Masks, kernels, replace_kernels
from sparserl.sparsity.trees import owner, words
from sparserl.types import Array, OptState, Params


def compressed_kernels(params: Params) -> dict[str, Compressed]:
    """The compressed kernels by layer name."""
    return {name: kernel for name, kernel in kernels(params).items() if isinstance(kernel, Compressed)}


def floats(params: Params) -> Params:
    """Parameters with values in place of compressed kernels."""
    return replace_kernels(params, {name: kernel.values for name, kernel in compressed_kernels(params).items()})


def with_layouts(floats: Params, params: Params) -> Params:
    """Floats with the layouts of `params`: the way back from `floats`."""
    values = kernels(floats)
    packed = compressed_kernels(params)
    return replace_kernels(floats, {name: Compressed(values[name], packed[name].layout) for name in packed})


def masks(params: Params) -> Masks:
    """The masks of the compressed kernels."""
    return {name: linalg.to_mask(kernel.layout) for name, kernel in compressed_kernels(params).items()}


def dense_kernels(params: Params) -> Kernels:
    """All kernels as dense arrays."""
    return {name: linalg.to_dense(kernel) for name, kernel in kernels(params).items()}


def densified(params: Params, layers: Iterable[str]) -> Params:
    """The same parameters with the kernels of `layers` as dense arrays."""
    return replace_kernels(params, {name: linalg.to_dense(kernels(params)[name]) for name in layers})


def compress(params: Params, masks: Mapping[str, Array], capacities: Mapping[str, int]) -> Params:
    """The same parameters with the dense kernels of `capacities` compressed onto their masks."""
    dense = kernels(params)
    layouts = {name: linalg.layout_of(masks[name], capacity) for name, capacity in capacities.items()}
    packed = {name: Compressed(linalg.gather(layout, dense[name]), layout) for name, layout in layouts.items()}
    return replace_kernels(params, packed)


def gathered(dense: Params, params: Params) -> Kernels:
    """From a tree with dense kernels the entries at the live weights of the compressed kernels of `params`."""
    entries = kernels(dense)
    return {name: linalg.gather(k.layout, entries[name]) for name, k in compressed_kernels(params).items()}


def laid_on(params: Params, targets: Params) -> Params:
    """`targets` on the topology of `params`: weights that are dead there are lost, those only alive there are zero."""
    online, old = compressed_kernels(params), compressed_kernels(targets)

    def laid(name: str) -> Compressed:
        new, target = online[name].layout, old[name]
        moved = (target.layout.inputs != new.inputs).any() | (target.layout.output_starts != new.output_starts).any()
        move = lambda: linalg.gather(new, linalg.to_dense(target))
        return Compressed(jax.lax.cond(moved, move, lambda: target.values), new)

    return replace_kernels(targets, {name: laid(name) for name in online})


def dense_moments(inner: OptState, params: Params) -> OptState:
    """An optimizer's state with its moments of compressed kernels scattered to dense arrays."""
    return _map_moments(linalg.scatter, inner, params)


def compressed_moments(inner: OptState, params: Params) -> OptState:
    """An optimizer's state with its dense moments of compressed kernels gathered at their live weights."""
    return _map_moments(linalg.gather, inner, params)


def _map_moments(move: Any, inner: OptState, params: Params) -> OptState:
    layouts = {(*name.split("/"), "kernel"): kernel.layout for name, kernel in compressed_kernels(params).items()}

    def moved(path: tuple[Any, ...], leaf: Array) -> Array:
        at = owner(words(path), layouts)
        return leaf if at is None else move(layouts[at], leaf)

    return jax.tree_util.tree_map_with_path(moved, inner)
