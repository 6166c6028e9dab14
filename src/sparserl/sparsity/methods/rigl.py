"""RigL: drop the smallest weights, grow where the gradient is largest."""

from dataclasses import dataclass, field
from typing import ClassVar

import jax.numpy as jnp

from sparserl.sparsity.masks import Kernels, Masks, Sparsities, drop_and_grow, live_count, random_masks
from sparserl.sparsity.schedules import Progress, Window, moved_count
from sparserl.types import Key, UserError


@dataclass(frozen=True)
class RigL:
    """The rigged lottery: `drop_fraction` of the live weights moves, to the largest gradients. Evci et al. 2020."""

    window: Window = field(default_factory=Window)
    drop_fraction: float = 0.5

    wants_gradients: ClassVar[bool] = True
    born_sparse: ClassVar[bool] = True
    initial_live = final_live = staticmethod(live_count)

    def __post_init__(self) -> None:
        if not 0.0 <= self.drop_fraction <= 1.0:
            raise UserError("it must lie in [0, 1]", field="drop_fraction", value=self.drop_fraction)

    def init(self, key: Key, kernels: Kernels, sparsities: Sparsities) -> Masks:
        """Random masks."""
        return random_masks(key, kernels, sparsities)

    def update(
        self,
        key: Key,
        progress: Progress,
        masks: Masks,
        kernels: Kernels,
        gradients: Kernels | None,
        sparsities: Sparsities,
    ) -> Masks:
        """Move connections; every layer keeps its number of live weights. `gradients` are those of all weights."""
        assert gradients is not None
        return {
            name: drop_and_grow(
                mask,
                magnitude=jnp.abs(kernels[name]),
                growth=jnp.abs(gradients[name]),
                moved=moved_count(progress, self.drop_fraction, live_count(mask.size, sparsities[name])),
            )
            for name, mask in masks.items()
        }
