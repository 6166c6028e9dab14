"""SET: drop the smallest weights, grow random ones."""

from dataclasses import dataclass
from typing import ClassVar

import jax

from sparserl import linalg
from sparserl.sparsity.masks import Kernels, Masks, Sparsities, live_count, random_masks
from sparserl.sparsity.methods.moving import check_drop_fraction, move
from sparserl.sparsity.schedules import Window, WindowProgress
from sparserl.types import Key, check_fields


@dataclass(frozen=True)
class SET:
    """Sparse evolutionary training: `drop_fraction` of the live weights moves, to random places. Mocanu et al. 2018."""

    window: Window = Window()
    drop_fraction: float = 0.5  # part of a layer's live weights that moves at first; falls along a cosine to 0

    wants_gradients: ClassVar[bool] = False
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
        """Grow random connections."""
        ordered = dict(sorted(masks.items()))
        position = {name: i for i, name in enumerate(ordered)}
        draws = lambda name: linalg.quick(jax.random.fold_in(key, position[name]))
        growth = lambda name: jax.random.uniform(draws(name), masks[name].shape)
        return move(progress, self.drop_fraction, ordered, kernels, growth, sparsities)
