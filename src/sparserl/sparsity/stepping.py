"""Stepping: what every sparse optimizer does with masked arrays, ours for agents and `sparsify` for anybody's code.

Masks and kernels are dictionaries by layer name; parameters and gradients are trees of any library.
"""

from collections.abc import Callable
from typing import Any

import jax
import optax

from sparserl.sparsity.masks import Kernels, Masks, Sparsities
from sparserl.sparsity.methods import SparseMethod
from sparserl.sparsity.trees import masked
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


def averaged(masks: Masks, targets: Params, params: Params, step_size: float | Array) -> Params:
    """Targets moved towards the parameters, first laid onto their topology: what died online dies there too."""
    mixed = lambda t, p: (1.0 - step_size) * t + step_size * p
    return jax.tree.map(mixed, masked(masks, targets), params)
