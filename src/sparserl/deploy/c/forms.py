"""How the weights of a layer lie in flash: sparse, by rows, or dense; whichever takes fewer bytes."""

from typing import Literal, NamedTuple

import numpy as np

from sparserl.deploy.c.matrices import Matrix

LANES = 8  # rows of a slice, which are computed side by side
LARGEST_DELTA = 255

Index = Literal["uint8", "delta", "uint16", "uint32"]


class Sparse(NamedTuple):
    """Live weights by rows: full slices of `LANES` rows first, then the rows that remain, one after another.

    Inside a slice the rows lie side by side: the first weight of each, then the second of each, and so on; shorter
    rows end in zeros (SELL-C-sigma: Kreutzer et al. 2014, "A unified sparse matrix data format"). A row of its own has
    nothing added. indexing: an input by its number; "delta" adds 8-bit steps, and where one would exceed 255, a
    step of 255 with a weight of 0. lengths: weights per row of each slice, and of each row that remains.
    """

    indexing: Index
    num_slices: int
    lengths: np.ndarray
    weights: np.ndarray
    indices: np.ndarray

    @property
    def num_bytes(self) -> int:
        return self.weights.nbytes + self.indices.nbytes + self.lengths.nbytes


class Full(NamedTuple):
    """All weights: by columns, `[input, unit]`, where there are `LANES` units or more, else by rows."""

    by_columns: bool
    weights: np.ndarray

    @property
    def num_bytes(self) -> int:
        return self.weights.nbytes


Form = Sparse | Full


class Rows(NamedTuple):
    """Weights and indices of the rows of a matrix as they are stored, before they are put side by side."""

    weights: list[np.ndarray]
    indices: list[np.ndarray]

    @property
    def lengths(self) -> np.ndarray:
        return np.array([len(row) for row in self.weights], np.int64)

    def ordered(self, order: np.ndarray) -> "Rows":
        return Rows([self.weights[i] for i in order], [self.indices[i] for i in order])


def smallest(layer: Matrix, may_reorder: bool) -> tuple[Form, np.ndarray]:
    """The form of a layer that takes the fewest bytes, and the order of its units in it.

    Hidden units may be reordered: rows of equal length lie in one slice then, and fewer zeros end them. Rows of a layer
    that may not, the last one, are stored one after another.
    """
    as_is = np.arange(len(layer.biases))
    best: tuple[Form, np.ndarray] = full(layer.values), as_is
    for index in _indices(layer.values.shape[1]):
        rows = rows_of(layer.values, index)
        order = np.argsort(-rows.lengths, kind="stable") if may_reorder else as_is
        form = sparse(rows.ordered(order), index, len(order) // LANES if may_reorder else 0)
        if form.num_bytes < best[0].num_bytes:
            best = form, order
    return best


def full(values: np.ndarray) -> Full:
    """A matrix `[unit, input]` with all its weights."""
    by_columns = len(values) >= LANES
    return Full(by_columns, (values.T if by_columns else values).ravel())


def rows_of(values: np.ndarray, index: Index) -> Rows:
    """What is stored of each row of a matrix `[unit, input]`."""
    weights, indices = list[np.ndarray](), list[np.ndarray]()
    for row in values:
        at = np.flatnonzero(row)
        if index == "delta":
            stored, steps = _steps(row[at], at)
        else:
            stored, steps = row[at], at.astype(index)
        weights.append(stored)
        indices.append(steps)
    return Rows(weights, indices)


def sparse(rows: Rows, index: Index, num_slices: int) -> Sparse:
    """Rows in the order in which they lie, the first of them in slices."""
    lengths, weights, indices = list[int](), list[np.ndarray](), list[np.ndarray]()
    for start in range(0, num_slices * LANES, LANES):
        lengths.append(int(rows.lengths[start : start + LANES].max()))
        weights.append(_side_by_side(rows.weights[start : start + LANES], lengths[-1]))
        indices.append(_side_by_side(rows.indices[start : start + LANES], lengths[-1]))
    for row in range(num_slices * LANES, len(rows.weights)):
        lengths.append(len(rows.weights[row]))
        weights.append(rows.weights[row])
        indices.append(rows.indices[row])
    longest = max(lengths, default=0)
    unsigned = np.uint8 if longest < 2**8 else np.uint16 if longest < 2**16 else np.uint32
    return Sparse(index, num_slices, np.array(lengths, unsigned), np.concatenate(weights), np.concatenate(indices))


def _indices(num_inputs: int) -> tuple[Index, ...]:
    """What an input can be told by. A number of 8 bits is as small as a delta of 8, and needs no adding up."""
    if num_inputs <= 2**8:
        return ("uint8",)
    return ("uint16", "delta") if num_inputs <= 2**16 else ("uint32", "delta")


def _steps(weights: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A row as steps from one input to the next, the first from input 0."""
    gaps = np.diff(at, prepend=0)
    extra = np.maximum(gaps - 1, 0) // LARGEST_DELTA
    last = np.cumsum(extra + 1) - 1  # where each weight stands, behind the steps that lead to it
    steps = np.full(len(at) + int(extra.sum()), LARGEST_DELTA, np.uint8)
    steps[last] = gaps - LARGEST_DELTA * extra
    stored = np.zeros(len(steps), weights.dtype)
    stored[last] = weights
    return stored, steps


def _side_by_side(rows: list[np.ndarray], length: int) -> np.ndarray:
    padded = np.zeros((length, len(rows)), rows[0].dtype)
    for lane, row in enumerate(rows):
        padded[: len(row), lane] = row
    return padded.ravel()
