"""Reading: the topology of a state of `sparsify`, and parameters and targets that are laid on it."""

import functools
import operator
from collections import Counter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl import linalg
from sparserl.linalg import Compressed, Layout
from sparserl.sparsity import checking, storage, surroundings
from sparserl.sparsity.due import when_due
from sparserl.sparsity.keys import halves
from sparserl.sparsity.layouts import from_ours, matrix_shapes, outputs_first, to_ours
from sparserl.sparsity.masks import Masks
from sparserl.sparsity.stepping import Initializer, averaged, redrawn
from sparserl.sparsity.transformation import SparsifyState
from sparserl.sparsity.trees import by_leaf, is_compressed, layer_names, leaves, masked, stack_name
from sparserl.types import Array, Params, UserError


class LayerSummary(NamedTuple):
    """A layer: its shape, and how many of its weights are alive; of a batch of networks the fewest and the most."""

    name: str
    shape: tuple[int, ...]
    weights: int
    fewest_live: int
    most_live: int


class Summary(NamedTuple):
    """The layers of a topology; `print` shows them as a table."""

    method: str
    num_networks: int
    layers: tuple[LayerSummary, ...]

    def __str__(self) -> str:
        rows = [("layer", "shape", "weights", "live", "density"), *map(_row, self.layers), _row(_total(self.layers))]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        text = lambda row: "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        of = f", {self.num_networks} networks" if self.num_networks > 1 else ""
        return "\n".join([f"{self.method}{of}", *map(text, rows)])


def topology(state: Any) -> Masks:
    """All masks by layer, bool in the shape of the kernel, True = alive; empty for dense training.

    state: of `sparsify`, or anything that holds one: the state of a chain, a TrainState; several where they are of
    different layers, as in `optax.partition`. Raises UserError for others, and for what stands around `sparsify` and
    would bring dead weights back.
    """
    to_mask = linalg.to_mask
    for _ in range(jnp.ndim(_num_updates(state))):
        to_mask = jax.vmap(to_mask)
    masks = _masks(state) | {name: to_mask(layout) for name, layout in _layouts(state).items()}
    return dict(sorted(masks.items()))


def live_weights(state: Any) -> dict[str, Array]:
    """How many weights of each layer are alive, int32; of a batch of networks one number for each."""
    axes = lambda mask: tuple(range(jnp.ndim(_num_updates(state)), mask.ndim))
    counts = {name: jnp.sum(mask, axis=axes(mask), dtype=jnp.int32) for name, mask in _masks(state).items()}
    return dict(sorted((counts | {name: layout.num_live for name, layout in _layouts(state).items()}).items()))


def summary(state: Any) -> Summary:
    """A table of the topology: for each layer shape, weights, and live weights."""
    batch, live = jnp.ndim(_num_updates(state)), {name: np.asarray(n) for name, n in live_weights(state).items()}
    shapes = {name: tuple(mask.shape[batch:]) for name, mask in _masks(state).items()}
    shapes |= {name: layout.shape for name, layout in _layouts(state).items()}
    layers = tuple(
        LayerSummary(name, shape, int(np.prod(shape)), int(live[name].min()), int(live[name].max()))
        for name, shape in sorted(shapes.items())
    )
    methods = " and ".join(dict.fromkeys(method for found in _states_in(state) for method in found.masks))
    return Summary(methods, int(np.prod(np.shape(_num_updates(state)))), layers)


def born_sparse(params: Params, state: Any, initializer: Initializer | None = None) -> Params:
    """Parameters with exact zeros outside the topology of `state`, to begin training with.

    Kernels that the state keeps compressed are `sparserl.linalg.Compressed` in them. initializer: redraws kernels for
    their topology, such as `sparserl.sparsity.sparse_glorot_uniform`, whose scale counts live weights only; a function
    of a key and a mask `[*space, in, out]`, whichever layout the kernel has. None keeps their values. Where a method
    begins dense, parameters stay as they are.
    """
    states = _states_in(state)
    if jnp.ndim(_num_updates(states)):
        return jax.vmap(lambda params, states: born_sparse(params, states, initializer))(params, states)
    checking.check_dense(params)
    for found in states:
        params = _born(params, found, initializer)
    return storage.laid_out(params, jax.tree.map(jnp.copy, _layouts(states)))


def masked_average(target: Params, params: Params, step_size: float | Array, state: Any) -> Params:
    """A target network moved towards `params` by `step_size`, on the topology of `state`; 1 is an exact copy.

    What has died online is dead in the target at once, from the first call on; without that a target collects the
    weights of all past topologies. (1 - step_size) * target + step_size * params, of floats; integers are copied. Where
    kernels of `params` are compressed, those of the target may be dense still; they are compressed in the result.
    """
    checking.check_step_size(step_size)
    states = _states_in(state)
    if jnp.ndim(_num_updates(states)):
        of_one = lambda target, params, states: masked_average(target, params, step_size, states)
        return jax.vmap(of_one)(target, params, states)
    masks = _masks(states)
    checking.check_compressed(_layouts(states), params)
    target = _laid_on(target, params)
    checking.check_alike("targets", target, params)
    checking.check_named(masks, params)
    online = masked(masks, params)
    if isinstance(step_size, int | float) and step_size == 1:
        return jax.tree.map(jnp.copy, online)
    is_float = lambda leaf: jnp.issubdtype(leaf.dtype, jnp.inexact)
    floats = lambda tree: jax.tree.map(lambda leaf: leaf if is_float(leaf) else jnp.float32(0), tree)
    moved = averaged(masks, floats(target), floats(online), step_size)
    kept = lambda old, new, mean: mean.astype(old.dtype) if is_float(old) else jnp.copy(new)
    return jax.tree.map(kept, target, online, moved)


def _born(params: Params, found: SparsifyState, initializer: Initializer | None) -> Params:
    masks = topology(found)
    checking.check_named(masks, params)
    if initializer is None or not masks:
        return masked(masks, params)
    [key] = jax.tree.leaves(found.key)
    drawn = _redrawn(params, key, masks, initializer)
    sparse = jnp.any(jnp.stack([~mask.all() for mask in masks.values()]))
    return masked(masks, jax.tree.map(lambda new, old: jnp.where(sparse, new, old), drawn, params))


def _laid_on(target: Params, params: Params) -> Params:
    """The target with its kernels compressed where those of `params` are, on the same topology."""
    theirs = dict(zip(layer_names(target), leaves(target), strict=True))

    def laid(name: str, layout: Layout) -> Compressed:
        kernel = theirs[name]
        checking.check_whole(f"targets of {name}", kernel)
        if not is_compressed(kernel):
            return Compressed(linalg.gather(layout, kernel), layout)
        move = lambda: storage.moved(kernel.values, kernel.layout, layout)
        return Compressed(when_due(storage.differs(kernel.layout, layout), move, lambda: kernel.values), layout)

    online = storage.compressed_kernels(params)
    alike = {n: k for n, k in online.items() if n in theirs and tuple(theirs[n].shape) == k.shape}
    return storage.replaced(target, {name: laid(name, kernel.layout) for name, kernel in alike.items()})


def _masks(state: Any) -> Masks:
    """The masks of kernels that are dense arrays, without the boxes that others put around arrays."""
    masks = [masks for found in _states_in(state) for masks in found.masks.values()]
    return {name: jax.tree.leaves(mask)[0] for name, mask in functools.reduce(operator.or_, masks).items()}


def _layouts(state: Any) -> dict[str, Layout]:
    """The layouts of compressed kernels, without boxes."""
    return {name: _unboxed(layout) for found in _states_in(state) for name, layout in found.layouts.items()}


def _unboxed(layout: Layout) -> Layout:
    [structure] = {jax.tree.structure(Layout(0, 0, 0, 0, 0, layout.shape))}  # type: ignore[arg-type]
    plain: Layout = jax.tree.unflatten(structure, jax.tree.leaves(layout))
    return plain


def _redrawn(params: Params, key_data: Array, masks: Masks, initializer: Initializer) -> Params:
    """Parameters with kernels drawn anew, in the layout and the precision of each."""
    leaves, structure = jax.tree.flatten(params)
    first, matrices = outputs_first(params), matrix_shapes({name: mask.shape for name, mask in masks.items()})
    turned = {name: stack_name(name) in first for name in masks}
    there: Masks = {name: to_ours(mask, matrices[name], turned[name]) for name, mask in masks.items()}
    drawn = redrawn(halves(key_data)[0], there, initializer)
    back = {name: from_ours(drawn[name], mask.shape, turned[name]) for name, mask in masks.items()}
    new_leaves = by_leaf(back, params)
    kernels = [old if new is None else new.astype(old.dtype) for old, new in zip(leaves, new_leaves, strict=True)]
    return jax.tree.unflatten(structure, kernels)


def _states_in(state: Any) -> list[SparsifyState]:
    is_ours = lambda node: isinstance(node, SparsifyState)
    states = [node for node in jax.tree.leaves(state, is_leaf=is_ours) if is_ours(node)]
    if not states:
        raise UserError("state holds no state of sparsify: give one")
    layers = Counter(name for found in states for held in (*found.masks.values(), found.layouts) for name in held)
    if twice := [name for name, count in layers.items() if count > 1]:
        raise UserError(f"state holds {len(states)} states of sparsify, {layers[twice[0]]} with {twice[0]}: give one")
    surroundings.check_around(state, SparsifyState)
    return states


def _num_updates(state: Any) -> Array:
    return jax.tree.leaves(_states_in(state)[0].num_updates)[0]


def _total(layers: tuple[LayerSummary, ...]) -> LayerSummary:
    live = sum(layer.fewest_live for layer in layers), sum(layer.most_live for layer in layers)
    return LayerSummary("total", (), sum(layer.weights for layer in layers), *live)


def _row(layer: LayerSummary) -> tuple[str, ...]:
    shape = "x".join(map(str, layer.shape))
    live = [f"{layer.fewest_live:,}", f"{layer.most_live:,}"]
    density = f"{layer.most_live / layer.weights:.4f}" if layer.weights else ""
    return layer.name, shape, f"{layer.weights:,}", "-".join(dict.fromkeys(live)), density
