"""Moving: what SET, RigL and its inversion share. The smallest live weights go; each grows new ones in its own way."""

from collections.abc import Callable

import jax.numpy as jnp

from sparserl.sparsity.masks import Kernels, Masks, Sparsities, drop_and_grow, live_count
from sparserl.sparsity.schedules import WindowProgress, moved_count
from sparserl.types import Array, UserError


def move(
    progress: WindowProgress,
    drop_fraction: float,
    masks: Masks,
    kernels: Kernels,
    growth: Callable[[str], Array],
    sparsities: Sparsities,
) -> Masks:
    """Masks moved towards the highest scores, which `growth` gives by layer; each keeps its number of live weights."""
    return {
        name: drop_and_grow(
            mask,
            magnitude=jnp.abs(kernels[name]),
            growth=growth(name),
            moved=moved_count(progress, drop_fraction, live_count(mask.size, sparsities[name])),
        )
        for name, mask in masks.items()
    }


def check_drop_fraction(drop_fraction: float) -> None:
    """Raises UserError unless it is a fraction."""
    if not 0.0 <= drop_fraction <= 1.0:
        raise UserError("it must lie in [0, 1]", field="drop_fraction", value=drop_fraction)
