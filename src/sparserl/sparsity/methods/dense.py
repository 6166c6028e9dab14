"""Dense: every weight is alive, always."""

from dataclasses import dataclass
from typing import ClassVar

from sparserl.sparsity.masks import Kernels, Masks, Sparsities, dense_count
from sparserl.sparsity.schedules import WindowProgress
from sparserl.types import Key


@dataclass(frozen=True)
class Dense:
    """No masks at all, whatever sparsities are asked for."""

    window: ClassVar[None] = None
    wants_gradients: ClassVar[bool] = False
    born_sparse: ClassVar[bool] = False
    initial_live = final_live = staticmethod(dense_count)

    def init(self, key: Key, kernels: Kernels, sparsities: Sparsities) -> Masks:
        """No masks."""
        return {}

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
