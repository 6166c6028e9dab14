"""Stepping: what every sparse optimizer does with masked arrays, ours for agents and `sparsify` for anybody's code.

Masks and kernels are dictionaries by layer name; parameters and gradients are trees of any library.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from sparserl.sparsity.masks import Kernels, Masks, Sparsities
from sparserl.sparsity.methods import SparseMethod
from sparserl.sparsity.trees import by_leaf, masked
from sparserl.types import Array, Key, OptState, Params

Initializer = Callable[[Key, Array], Array]


def first_masks(key: Key, method: SparseMethod, kernels: Kernels, sparsities: Sparsities) -> Masks:
    """The topology that training begins with; half of the key is left for `redrawn`."""
    mask_key, _ = jax.random.split(key)
    return method.init(mask_key, {name: kernels[name] for name in sparsities}, sparsities)


def redrawn(key: Key, masks: Masks, initializer: Initializer) -> Kernels:
    """Kernels drawn anew for the topology that `first_masks` made of the same key."""
    _, redraw_key = jax.random.split(key)
    keys = jax.random.split(redraw_key, max(len(masks), 1))
    return {name: initializer(keys[i], masks[name]) for i, name in enumerate(sorted(masks))}


def kept(old: Masks, new: Masks) -> Masks:
    """Which weights outlive a change of the topology: all others, and their moments, start or stay at zero."""
    return {name: new[name] & old[name] for name in old}


def stepped(
    inner: optax.GradientTransformation, masks: Masks, gradients: Params, state: OptState, params: Params, **extra: Any
) -> tuple[Params, OptState]:
    """Updates of the inner optimizer, which sees the gradients of live weights alone; dead weights may get some too."""
    return optax.with_extra_args_support(inner).update(masked(masks, gradients), state, params, **extra)


def landing(updates: Params, params: Params, alive: Masks, new: Masks) -> Params:
    """What to add to `params`: dead weights end at exactly zero, new-born ones where a step from zero leads."""
    leaves, structure = jax.tree.flatten(updates)
    places = zip(leaves, jax.tree.leaves(params), by_leaf(alive, params), by_leaf(new, params), strict=True)
    return jax.tree.unflatten(structure, [_landed(*place) for place in places])


def averaged(masks: Masks, targets: Params, params: Params, step_size: float | Array) -> Params:
    """Targets moved towards the parameters, first laid onto their topology: what died online dies there too."""
    mixed = lambda t, p: (1.0 - step_size) * t + step_size * p
    return jax.tree.map(mixed, masked(masks, targets), params)


def _landed(update: Array, weight: Array, alive: Array | None, new: Array | None) -> Array:
    if alive is None or new is None:
        return update
    wide = jnp.promote_types(update.dtype, weight.dtype)  # in which a weight and its negative add up to zero
    step, weight = update.astype(wide), weight.astype(wide)
    return jnp.where(alive, step, jnp.where(new, step - weight, -weight))
