"""Sparse methods: who chooses the topology. One file each; a new one is a new file and a line in `METHODS`."""

import functools
from collections.abc import Callable
from importlib import metadata
from typing import Protocol

from sparserl.sparsity.masks import Kernels, Masks, Sparsities
from sparserl.sparsity.methods.dense import Dense
from sparserl.sparsity.methods.prune import Prune
from sparserl.sparsity.methods.rigl import RigL
from sparserl.sparsity.methods.rigl_inverted import RigLInverted
from sparserl.sparsity.methods.set import SET
from sparserl.sparsity.methods.snip import SNIP
from sparserl.sparsity.methods.static import Static
from sparserl.sparsity.schedules import Window, WindowProgress
from sparserl.types import Key, UserError

__all__ = [
    "METHODS",
    "SET",
    "SNIP",
    "Dense",
    "Prune",
    "RigL",
    "RigLInverted",
    "SparseMethod",
    "Static",
    "find_method",
    "leaves_all_alive",
    "method_name",
    "method_names",
]


class SparseMethod(Protocol):
    """Maps masks to masks, and does nothing else: a frozen dataclass of numbers and windows.

    window: when `update` is called; None = never. wants_gradients: whether `update` gets the gradients of the loss with
    respect to all weights, dead ones too, or None. born_sparse: whether the masks of `init` already have the sparsities
    asked for. initial_live, final_live: how many of the `size` weights of a layer are alive after `init` and after the
    last `update`; whoever plans, stores or describes a network takes its counts from here. `sparsities` has an entry
    for every layer that is to be masked, `kernels` may have more.
    """

    @property
    def window(self) -> Window | None: ...
    @property
    def wants_gradients(self) -> bool: ...
    @property
    def born_sparse(self) -> bool: ...
    def initial_live(self, size: int, sparsity: float) -> int: ...
    def final_live(self, size: int, sparsity: float) -> int: ...
    def init(self, key: Key, kernels: Kernels, sparsities: Sparsities) -> Masks: ...
    def update(
        self,
        key: Key,
        progress: WindowProgress,
        masks: Masks,
        kernels: Kernels,
        gradients: Kernels | None,
        sparsities: Sparsities,
    ) -> Masks: ...


def leaves_all_alive(method: SparseMethod) -> bool:
    """Whether a method is dense training: by its own counts no layer, large or small, ever loses a weight.

    A method that keeps a few weights of every layer, or spares small ones, loses some of the large ones.
    """
    return _loses_none(method.final_live)


@functools.lru_cache
def _loses_none(final_live: Callable[[int, float], int]) -> bool:
    return all(final_live(size, sparsity) == size for size in PROBED_SIZES for sparsity in (0.5, 0.99))


PROBED_SIZES = (2, 1_000, 1_000_000)

METHODS: dict[str, type] = {
    "dense": Dense,
    "prune": Prune,
    "static": Static,
    "set": SET,
    "rigl": RigL,
    "rigl-inverted": RigLInverted,
    "snip": SNIP,
}

ENTRY_POINTS = "sparserl.methods"  # where other packages announce theirs


def method_names() -> list[str]:
    """The names of all methods: ours, then those of other installed packages."""
    others = {entry.name for entry in metadata.entry_points(group=ENTRY_POINTS)}
    return [*METHODS, *sorted(others - METHODS.keys())]


def find_method(name: str) -> type:
    """The class of the method called `name`; UserError with the nearest names if there is none.

    Methods of other packages come through entry points of the group "sparserl.methods"; our names cannot be taken.
    """
    if name in METHODS:
        return METHODS[name]
    for entry in metadata.entry_points(group=ENTRY_POINTS, name=name):
        loaded: type = entry.load()
        return loaded
    raise UserError(field="method", value=name, allowed=method_names())


def method_name(method: SparseMethod) -> str:
    """The name under which the class of `method` is found."""
    for name, known in METHODS.items():  # ours first: looking through packages takes milliseconds
        if known is type(method):
            return name
    return next((name for name in method_names() if find_method(name) is type(method)), type(method).__name__.lower())
