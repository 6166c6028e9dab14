"""Dense: every weight is alive, always."""

from dataclasses import dataclass
from typing import ClassVar

from sparserl.sparsity.masks import Densities, Kernels, Masks
from sparserl.sparsity.schedules import Progress
from sparserl.types import Key


@dataclass(frozen=True)
class Dense:
    """No masks at all, whatever densities are asked for."""

    window: ClassVar[None] = None
    wants_gradients: ClassVar[bool] = False
    born_sparse: ClassVar[bool] = False

    def init(self, key: Key, kernels: Kernels, densities: Densities) -> Masks:
        """No masks."""
        return {}

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
