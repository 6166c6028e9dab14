"""Static: a random topology, drawn before training and kept."""

from dataclasses import dataclass
from typing import ClassVar

from sparserl.sparsity.masks import Densities, Kernels, Masks, random_masks
from sparserl.sparsity.schedules import Progress
from sparserl.types import Key


@dataclass(frozen=True)
class Static:
    """A fixed random mask per layer with exactly `live_count` live weights. Graesser et al. 2022, section 3."""

    window: ClassVar[None] = None
    wants_gradients: ClassVar[bool] = False
    born_sparse: ClassVar[bool] = True

    def init(self, key: Key, kernels: Kernels, densities: Densities) -> Masks:
        """Random masks."""
        return random_masks(key, kernels, densities)

    def update(
        self,
        key: Key,
        progress: Progress,
        masks: Masks,
        kernels: Kernels,
        gradients: Kernels | None,
        densities: Densities,
    ) -> Masks:
        """Nothing changes."""
        return masks
