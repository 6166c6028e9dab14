"""RigL as sparse peers do it: masks on dense arrays, dense gradients at every step, ranks by sorting.

Measured beside ours, in our agents and in SBX, whose interpreter loads this file alone: it needs JAX and optax only.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

INTERVAL_UPDATES, DROP_FRACTION = 1_000, 0.5  # the paper's


class MasksState(NamedTuple):
    """How many updates there were, a mask for each leaf (None where it is no kernel), and the inner state."""

    num_updates: jax.Array
    masks: Any
    inner: Any


def rigl_by_masks(
    inner: optax.GradientTransformation,
    sparsity: float,
    interval_updates: int = INTERVAL_UPDATES,
    drop_fraction: float = DROP_FRACTION,
) -> optax.GradientTransformationExtraArgs:
    """RigL (Evci et al. 2020) around any optax optimizer; every kernel has the same sparsity, rank 3 is a stack.

    Dense arithmetic costs the same however sparsity is spread, so it is spread uniformly here. Parameters come dense
    and are masked by the first update. Moments stay as they are when a topology changes, as they do in most peers.
    """

    def init(params: Any) -> MasksState:
        keys = iter(jax.random.split(jax.random.key(0), len(jax.tree.leaves(params))))
        drawn = lambda path, leaf: _drawn(next(keys), leaf, sparsity) if _is_kernel(path) else None
        masks = jax.tree_util.tree_map_with_path(drawn, params)
        return MasksState(jnp.int32(0), masks, inner.init(params))

    def update(gradients: Any, state: MasksState, params: Any = None, **_: Any) -> tuple[Any, MasksState]:
        moved = lambda masks: jax.tree.map(
            lambda mask, leaf, slope: None if mask is None else _moved(mask, leaf, slope, drop_fraction),
            masks,
            params,
            gradients,
            is_leaf=lambda mask: mask is None,
        )
        due = (state.num_updates > 0) & (state.num_updates % interval_updates == 0)
        masks = jax.lax.cond(due, moved, lambda masks: masks, state.masks)
        updates, inner_state = inner.update(_masked(masks, gradients), state.inner, params)
        wanted = _masked(masks, optax.apply_updates(params, updates))
        steps = jax.tree.map(lambda new, old: new - old, wanted, params)
        return steps, MasksState(state.num_updates + 1, masks, inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


def _is_kernel(path: Any) -> bool:
    """By its name, as flax has it: the biases of a stack of networks are matrices, too."""
    return bool(path) and getattr(path[-1], "key", None) == "kernel"


def _drawn(key: jax.Array, leaf: jax.Array, sparsity: float) -> jax.Array:
    shape = _rows(leaf).shape
    return (_rank(jax.random.uniform(key, shape)) < shape[1] - int(sparsity * shape[1])).reshape(leaf.shape)


def _moved(mask: jax.Array, leaf: jax.Array, gradient: jax.Array, drop_fraction: float) -> jax.Array:
    """Drop the smallest of the live weights, grow where the dense gradient is largest among all others."""
    alive, weights, slopes = _rows(mask), _rows(leaf), _rows(gradient)
    num_live = alive.sum(1, keepdims=True)
    num_kept = num_live - (drop_fraction * num_live).astype(jnp.int32)
    kept = _rank(jnp.where(alive, jnp.abs(weights), -1.0)) < num_kept
    grown = _rank(jnp.where(kept, -1.0, jnp.abs(slopes))) < num_live - num_kept
    return (kept | grown).reshape(mask.shape)


def _rows(leaf: jax.Array) -> jax.Array:
    """A row for each network of a stack, and one for a kernel by itself."""
    return leaf.reshape(leaf.shape[0] if leaf.ndim == 3 else 1, -1)


def _rank(scores: jax.Array) -> jax.Array:
    """The place of each score in its row; 0 is the largest, ties by lowest index."""
    return jnp.argsort(jnp.argsort(-scores, axis=1), axis=1)


def _masked(masks: Any, tree: Any) -> Any:
    each = lambda mask, leaf: leaf if mask is None else jnp.where(mask, leaf, 0)
    return jax.tree.map(each, masks, tree, is_leaf=lambda mask: mask is None)
