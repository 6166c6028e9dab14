"""Static: a random topology, drawn before training and kept."""

from dataclasses import dataclass
from typing import ClassVar

from sparserl.sparsity.masks import Kernels, Masks, Sparsities, live_count, random_masks
from sparserl.sparsity.schedules import WindowProgress
from sparserl.types import Key


@dataclass(frozen=True)
class Static:
    """A fixed random mask per layer with exactly `live_count` live weights. Graesser et al. 2022, section 3."""

    window: ClassVar[None] = None
    wants_gradients: ClassVar[bool] = False
    born_sparse: ClassVar[bool] = True
    initial_live = final_live = staticmethod(live_count)
    init = staticmethod(random_masks)

    def update(
        self,
        key: Key,
        progress: WindowProgress,
        masks: Masks,
        kernels: Kernels,
        gradients: Kernels | None,
        sparsities: Sparsities,
    ) -> Masks:
        """Nothing changes."""
        return masks
