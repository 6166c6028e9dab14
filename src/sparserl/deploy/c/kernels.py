"""The functions of C that compute sparse layers, and how they are called in turn."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sparserl.deploy.c.forms import LANES, Full, Sparse
from sparserl.deploy.c.layers import CLayer

INTEGERS = {"narrow": "uint8_t", "uint8": "uint8_t", "delta": "uint8_t", "uint16": "uint16_t", "uint32": "uint32_t"}
TOLD = {
    "narrow": "inputs by number, 8 bits, of which there are few",
    "uint8": "inputs by number, 8 bits",
    "delta": "inputs by the distance from the one before, 8 bits",
    "uint16": "inputs by number, 16 bits",
    "uint32": "inputs by number, 32 bits",
}


class Kernel(NamedTuple):
    """A function of C that computes layers of one form. kind: "slices" or "rows"."""

    kind: str
    indexing: str
    activation: str | None

    @property
    def name(self) -> str:
        return "_".join((self.kind, self.indexing, *([self.activation] if self.activation else [])))

    @property
    def integer(self) -> str:
        return INTEGERS[self.indexing]

    @property
    def told(self) -> str:
        return TOLD[self.indexing]


def activated(activation: str | None, total: str) -> str:
    """What becomes of a unit's sum, in C."""
    return {"relu": f"larger({total}, zero)", "tanh": f"hyperbolic_tangent({total})", None: total}[activation]


def has_scalar_code(layer: CLayer) -> bool:
    """Whether some of its units are computed without vectors in every build."""
    if in_lanes(layer):
        return layer.num_units % LANES > 0
    return layer.form is not None and layer.num_units > layer.num_in_slices


def in_lanes(layer: CLayer) -> bool:
    """Whether a dense layer is computed by lanes where there are some, because of its 8-bit weights."""
    return isinstance(layer.form, Full) and layer.form.by_columns and layer.scales is not None


def kernels_of(layer: CLayer) -> list[Kernel]:
    """The functions that a layer is computed by, where it is sparse."""
    if not isinstance(layer.form, Sparse):
        return []
    slices = [Kernel("slices", layer.indexing, layer.activation)] if layer.num_in_slices else []
    rows = [Kernel("rows", layer.form.indexing, layer.activation)] if layer.num_units > layer.num_in_slices else []
    return slices + rows


def calls(layers: Sequence[CLayer]) -> list[str]:
    """The calls, in order, that lead from the features in `first` to the outputs; none where they are constant."""
    if any(layer.form is None for layer in layers):
        return []
    told = list[str]()
    for index, layer in enumerate(layers):
        x = ("first", "second")[index % 2]
        y = "outputs" if index == len(layers) - 1 else ("second", "first")[index % 2]
        told += _calls_of(layer, f"layer_{index + 1}", x, y)
    return told


def _calls_of(layer: CLayer, name: str, x: str, y: str) -> list[str]:
    if isinstance(layer.form, Full):
        return [f"{name}({x}, {y})"]
    assert layer.form is not None
    calls, first_row = list[str](), layer.num_in_slices
    for kernel in kernels_of(layer):
        in_slices = kernel.kind == "slices"
        weight = 0 if in_slices else LANES * int(layer.form.lengths[: layer.form.num_slices].sum(dtype=np.int64))
        row = 0 if in_slices else first_row
        length = 0 if in_slices else layer.form.num_slices
        tables = [("weights", weight), ("indices", weight), ("lengths", length), ("biases", row)]
        tables += [("scales", row)] if layer.scales is not None else []
        arguments = [f"{name}_{table}{f' + {offset}' if offset else ''}" for table, offset in tables]
        count = layer.form.num_slices if in_slices else layer.num_units - first_row
        narrow = [str(layer.num_inputs)] if kernel.indexing == "narrow" else []
        arguments += [str(count), *narrow, x, f"{y} + {row}" if row else y]
        calls.append(f"{kernel.name}({', '.join(arguments)})")
    return calls
