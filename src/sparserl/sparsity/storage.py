"""Storage: parameters whose kernels are dense or compressed, and how either becomes the other.

"Floats" are parameters with the values `[capacity]` of a compressed kernel in its place: what is differentiated,
averaged and stepped. Integers, the layouts, never are. Kernels are named as `trees.layer_names` names leaves.
"""

import functools
import operator
from collections.abc import Iterable, Mapping
from typing import Any

import jax

from sparserl import linalg
from sparserl.linalg import Compressed, Layout
from sparserl.sparsity.due import when_due
from sparserl.sparsity.masks import Kernels, Masks, kernels
from sparserl.sparsity.trees import flattened, is_compressed, layer_names, leaves, owner, words
from sparserl.types import Array, OptState, Params


def compressed_kernels(params: Params) -> dict[str, Compressed]:
    """The compressed kernels by layer name."""
    return {name: leaf for name, leaf in _by_name(params).items() if isinstance(leaf, Compressed)}


def replaced(params: Params, kernels: Mapping[str, Any]) -> Params:
    """The same parameters with the given kernels in place of theirs."""
    held, structure = flattened(params)
    return structure.unflatten([kernels.get(name, leaf) for name, leaf in zip(layer_names(params), held, strict=True)])


def floats(params: Params) -> Params:
    """Parameters with values in place of compressed kernels."""
    value = lambda leaf: leaf.values if isinstance(leaf, Compressed) else leaf
    return jax.tree.map(value, params, is_leaf=is_compressed)


def with_layouts(floats: Params, params: Params) -> Params:
    """Floats with the layouts of `params`: the way back from `floats`."""
    whole = lambda leaf, value: Compressed(value, leaf.layout) if isinstance(leaf, Compressed) else value
    return jax.tree.map(whole, params, floats, is_leaf=is_compressed)


def masks(params: Params) -> Masks:
    """The masks of the compressed kernels."""
    return {name: linalg.to_mask(kernel.layout) for name, kernel in compressed_kernels(params).items()}


def dense_kernels(params: Params) -> Kernels:
    """All kernels as dense arrays."""
    return {name: linalg.to_dense(kernel) for name, kernel in kernels(params).items()}


def densified(params: Params, layers: Iterable[str]) -> Params:
    """The same parameters with the kernels of `layers` as dense arrays."""
    held = _by_name(params)
    return replaced(params, {name: linalg.to_dense(held[name]) for name in layers})


def compress(params: Params, masks: Mapping[str, Array], capacities: Mapping[str, int]) -> Params:
    """The same parameters with the dense kernels of `capacities` compressed onto their masks."""
    return laid_out(params, {name: linalg.layout_of(masks[name], capacity) for name, capacity in capacities.items()})


def laid_out(params: Params, layouts: Mapping[str, Layout]) -> Params:
    """The same parameters with the dense kernels of `layouts` compressed onto them."""
    dense = _by_name(params)
    packed = {name: Compressed(linalg.gather(layout, dense[name]), layout) for name, layout in layouts.items()}
    return replaced(params, packed)


def gathered(dense: Params, params: Params) -> Kernels:
    """From a tree with dense kernels the entries at the live weights of the compressed kernels of `params`."""
    entries = _by_name(dense)
    return {name: linalg.gather(k.layout, entries[name]) for name, k in compressed_kernels(params).items()}


def moved(values: Array, old: Layout, new: Layout) -> jax.Array:
    """Values `[capacity]` of one layout in the places of another: what is only alive there is zero."""
    return linalg.gather(new, linalg.scatter(old, values))


def differs(old: Layout, new: Layout) -> jax.Array:
    """Whether two layouts of one shape and capacity have other live weights, bool."""
    return (old.inputs != new.inputs).any() | (old.output_starts != new.output_starts).any()


def laid_on(params: Params, targets: Params) -> Params:
    """`targets` on the topology of `params`: weights that are dead there are lost, those only alive there are zero."""
    layouts = {name: kernel.layout for name, kernel in compressed_kernels(params).items()}
    old = compressed_kernels(targets)
    if not layouts:
        return targets
    any_differs = functools.reduce(operator.or_, (differs(old[name].layout, new) for name, new in layouts.items()))
    move = lambda: {name: moved(old[name].values, old[name].layout, new) for name, new in layouts.items()}
    values = when_due(any_differs, move, lambda: {name: old[name].values for name in layouts})
    return replaced(targets, {name: Compressed(values[name], new) for name, new in layouts.items()})


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


def _by_name(params: Params) -> dict[str, Any]:
    return dict(zip(layer_names(params), leaves(params), strict=True))
