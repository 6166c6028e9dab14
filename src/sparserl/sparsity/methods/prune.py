"""Prune: dense training whose smallest weights are removed step by step."""

from dataclasses import dataclass, field
from typing import ClassVar

import jax.numpy as jnp

from sparserl.sparsity.masks import Kernels, Masks, Sparsities, dense_count, dense_masks, pruned_count, top
from sparserl.sparsity.schedules import Window, WindowProgress, cubic_sparsity
from sparserl.types import Key, check_fields


@dataclass(frozen=True)
class Prune:
    """Gradual magnitude pruning along the cubic schedule; a pruned weight never comes back. Zhu & Gupta 2018."""

    window: Window = field(default_factory=lambda: Window(start_fraction=0.2, stop_fraction=0.8))

    wants_gradients: ClassVar[bool] = False
    born_sparse: ClassVar[bool] = False
    initial_live = staticmethod(dense_count)
    final_live = staticmethod(pruned_count)
    init = staticmethod(dense_masks)

    def __post_init__(self) -> None:
        check_fields(self)

    def update(
        self,
        key: Key,
        progress: WindowProgress,
        masks: Masks,
        kernels: Kernels,
        gradients: Kernels | None,
        sparsities: Sparsities,
    ) -> Masks:
        """Keep the largest live weights of each layer, as many as the schedule allows now."""
        return {
            name: top(jnp.abs(kernels[name]), remaining_count(progress, mask.size, sparsities[name]), eligible=mask)
            for name, mask in masks.items()
        }


def remaining_count(progress: WindowProgress, size: int, sparsity: float) -> jnp.ndarray:
    """Live weights of a layer at this point of the schedule, int32 scalar; at the end exactly `pruned_count`."""
    return progress.tabulate(lambda p: pruned_count(size, cubic_sparsity(sparsity, p)))
