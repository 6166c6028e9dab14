"""The layers of a policy as C holds them, and what they take: bytes, floats on the stack, multiply-accumulates."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sparserl.deploy.c.forms import LANES, Form, Full, Sparse, smallest
from sparserl.deploy.c.matrices import WeightsName, matrices, reordered, without_idle_units
from sparserl.deploy.policy import Policy
from sparserl.deploy.steps import Activation

NARROW = 32  # inputs that two vector registers of AVX-512 hold, so that they are looked up without memory


class CLayer(NamedTuple):
    """One layer; form None: no unit has a weight, so that the outputs are the biases.

    biases, scales (of int8 weights, else None): float32 `[unit]`, units in the order in which the form has them.
    """

    name: str
    num_inputs: int
    biases: np.ndarray
    scales: np.ndarray | None
    activation: Activation | None
    form: Form | None

    @property
    def num_units(self) -> int:
        return len(self.biases)

    @property
    def num_in_slices(self) -> int:
        """Units whose rows lie in slices."""
        return self.form.num_slices * LANES if isinstance(self.form, Sparse) else 0

    @property
    def indexing(self) -> str:
        """What its kernel reads inputs by."""
        if not isinstance(self.form, Sparse):
            return "none"
        return "narrow" if self.num_inputs <= NARROW else self.form.indexing

    @property
    def num_stored(self) -> int:
        """Weights in flash, the zeros that end rows included."""
        return 0 if self.form is None else len(self.form.weights)

    @property
    def num_bytes(self) -> int:
        scales = 0 if self.scales is None else self.scales.nbytes
        return self.biases.nbytes + scales + (0 if self.form is None else self.form.num_bytes)


def layers_of(policy: Policy, weights: WeightsName) -> list[CLayer]:
    """The layers in the order of computation, those without units left out. Raises UserError as `matrices` does."""
    remaining, layers = without_idle_units(matrices(policy, weights)), list[CLayer]()
    while remaining:
        matrix, *remaining = remaining
        if not len(matrix.biases):
            continue
        form: Form | None = None
        if matrix.values.any():
            form, order = smallest(matrix, may_reorder=bool(remaining))
            matrix, following = reordered(matrix, remaining[0] if remaining else None, order)
            remaining = remaining if following is None else [following, *remaining[1:]]
        layers.append(
            CLayer(matrix.name, matrix.values.shape[1], matrix.biases, matrix.scales, matrix.activation, form)
        )
    return _with_equal_lengths(layers)


def stack_floats(num_features: int, layers: Sequence[CLayer]) -> tuple[int, int]:
    """The sizes of the two buffers that a call needs: features and layers take turns."""
    sizes = [num_features, *(layer.num_units for layer in layers[:-1])]
    return max(sizes[0::2]), max(sizes[1::2], default=0)


def _with_equal_lengths(layers: list[CLayer]) -> list[CLayer]:
    """All lengths of rows as one type, so that the layers share the same functions."""
    forms = [layer.form for layer in layers if isinstance(layer.form, Sparse)]
    widest = np.result_type(np.uint8, *(form.lengths.dtype for form in forms))
    widen = lambda form: form._replace(lengths=form.lengths.astype(widest))
    return [layer._replace(form=widen(layer.form)) if isinstance(layer.form, Sparse) else layer for layer in layers]


def lengths_type(layers: Sequence[CLayer]) -> str:
    """The C type of their rows' lengths."""
    forms = [layer.form for layer in layers if isinstance(layer.form, Sparse)]
    return f"{forms[0].lengths.dtype}_t" if forms else "uint8_t"


def is_full(layer: CLayer) -> bool:
    return isinstance(layer.form, Full)
