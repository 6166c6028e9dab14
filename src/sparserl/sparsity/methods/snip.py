"""SNIP: prune once, before the first update, what the first minibatch says matters least."""

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp

from sparserl.sparsity.masks import Kernels, Masks, Sparsities, dense_count, dense_masks, live_count, top
from sparserl.sparsity.schedules import Window, WindowProgress
from sparserl.types import Key


@dataclass(frozen=True)
class SNIP:
    """Keep the weights of largest |weight * gradient| on the first minibatch. Lee et al. 2019, section 4.1.

    They are chosen per layer, so that the distribution of sparsity over layers is what was asked, as for all methods.
    """

    window: ClassVar[Window] = Window(start_fraction=0.0, stop_fraction=0.0, interval_updates=1)
    wants_gradients: ClassVar[bool] = True
    born_sparse: ClassVar[bool] = False
    initial_live = staticmethod(dense_count)
    final_live = staticmethod(live_count)
    init = staticmethod(dense_masks)

    def update(
        self,
        key: Key,
        progress: WindowProgress,
        masks: Masks,
        kernels: Kernels,
        gradients: Kernels | None,
        sparsities: Sparsities,
    ) -> Masks:
        """Keep the most salient weights of each layer, exactly `live_count` of them."""
        assert gradients is not None
        return {
            name: top(jnp.abs(kernels[name] * gradients[name]), live_count(mask.size, sparsities[name]), eligible=mask)
            for name, mask in masks.items()
        }
