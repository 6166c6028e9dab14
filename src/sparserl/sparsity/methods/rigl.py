"""RigL: drop the smallest weights, grow where the gradient is largest."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from sparserl.sparsity.masks import Kernels, Masks, Sparsities, live_count, random_masks
from sparserl.sparsity.methods.moving import check_drop_fraction, move
from sparserl.sparsity.schedules import Window, WindowProgress
from sparserl.types import Key, check_fields


@dataclass(frozen=True)
class RigL:
    """The rigged lottery: `drop_fraction` of the live weights moves, to the largest gradients. Evci et al. 2020."""

    window: Window = Window()
    drop_fraction: float = 0.5  # part of a layer's live weights that moves at first; falls along a cosine to 0

    wants_gradients: ClassVar[bool] = True
    born_sparse: ClassVar[bool] = True
    initial_live = final_live = staticmethod(live_count)
    init = staticmethod(random_masks)

    def __post_init__(self) -> None:
        check_fields(self)
        check_drop_fraction(self.drop_fraction)

    def update(
        self,
        key: Key,
        progress: WindowProgress,
        masks: Masks,
        kernels: Kernels,
        gradients: Kernels | None,
        sparsities: Sparsities,
    ) -> Masks:
        """Grow the connections of largest gradients, which are those of all weights."""
        assert gradients is not None
        growth = lambda name: jnp.abs(gradients[name])
        return move(progress, self.drop_fraction, masks, kernels, growth, sparsities)
