"""SET: drop the smallest weights, grow random ones."""

from dataclasses import dataclass, field
from typing import ClassVar

import jax
import jax.numpy as jnp

from sparserl.sparsity.masks import Kernels, Masks, Sparsities, drop_and_grow, live_count, random_masks
from sparserl.sparsity.schedules import Progress, Window, moved_count
from sparserl.types import Key, UserError


@dataclass(frozen=True)
class SET:
    """Sparse evolutionary training: `drop_fraction` of the live weights moves, to random places. Mocanu et al. 2018."""

    window: Window = field(default_factory=Window)
    drop_fraction: float = 0.5

    wants_gradients: ClassVar[bool] = False
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
        """Move connections; every layer keeps its number of live weights."""
        return {
            name: drop_and_grow(
                masks[name],
                magnitude=jnp.abs(kernels[name]),
                growth=jax.random.uniform(jax.random.fold_in(key, position), masks[name].shape),
                moved=moved_count(progress, self.drop_fraction, live_count(masks[name].size, sparsities[name])),
            )
            for position, name in enumerate(sorted(masks))
        }
