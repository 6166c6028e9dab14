"""Compressed kernels: the live weights of a layer, and where they stand."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Array

SMALL_INDEX = np.iinfo(np.uint16).max


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the live weights of a kernel `[in, out]` stand, by output unit and, transposed, by input unit.

    The live weights of output o are the positions `output_starts[o]` to `output_starts[o + 1]` of the values, by
    ascending input; those of input i, by ascending output, are the positions `permutation[k]` for k from
    `input_starts[i]` to `input_starts[i + 1]`. `capacity` is fixed; the live count `output_starts[-1]` may be smaller,
    and what lies behind it is padding with index 0. Leading axes (seeds) are the same for all arrays.
    """

    inputs: Array  # [capacity] input unit of each value
    output_starts: Array  # [out + 1] int32
    outputs: Array  # [capacity] output unit of each weight in the order of inputs
    input_starts: Array  # [in + 1] int32
    permutation: Array  # [capacity] where each weight in the order of inputs has its value
    shape: tuple[int, int] = dataclasses.field(metadata={"static": True})

    @property
    def capacity(self) -> int:
        """Values that the layout has room for."""
        return self.inputs.shape[-1]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Compressed:
    """A kernel `[in, out]` of which only the live weights are stored: `values` `[capacity]`, float32, by output unit.

    `make` checks what it is given; the constructor does not, because it also runs on tracers.
    """

    values: Array
    layout: Layout

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the dense kernel, `(in, out)`."""
        return self.layout.shape

    @property
    def size(self) -> int:
        """Weights of the dense kernel, dead and alive."""
        return self.shape[0] * self.shape[1]

    @property
    def num_live(self) -> Array:
        """Live weights, int32."""
        return self.layout.output_starts[..., -1]

    @staticmethod
    def make(values: Array, inputs: Array, output_starts: Array, shape: tuple[int, int]) -> "Compressed":
        """A kernel from its live weights by output unit, each output's by ascending input; runs on the host.

        values: float32 `[live]`, finite. inputs: integers `[live]` from 0 to in - 1. output_starts: integers
        `[out + 1]` from 0 to live. Raises ValueError, and says which of them is wrong and where.
        """
        values, inputs, starts = np.asarray(values), np.asarray(inputs), np.asarray(output_starts)
        _check(values, inputs, starts, shape)
        output_of = np.repeat(np.arange(shape[1]), np.diff(starts))
        order = np.lexsort((output_of, inputs))
        types = index_types(shape, len(values))
        layout = Layout(
            inputs=jnp.asarray(inputs, types.inputs),
            output_starts=jnp.asarray(starts, jnp.int32),
            outputs=jnp.asarray(output_of[order], types.outputs),
            input_starts=jnp.asarray(np.searchsorted(inputs[order], np.arange(shape[0] + 1)), jnp.int32),
            permutation=jnp.asarray(order, types.permutation),
            shape=shape,
        )
        return Compressed(jnp.asarray(values), layout)


def all_live(kernel: Array) -> Compressed:
    """A dense kernel `[in, out]` as a compressed one of which every weight is alive."""
    num_inputs, num_outputs = kernel.shape
    return Compressed(kernel.T.ravel(), _full_layout((num_inputs, num_outputs)))


@functools.cache
def _full_layout(shape: tuple[int, int]) -> Layout:
    num_inputs, num_outputs = shape
    types = index_types(shape, num_inputs * num_outputs)
    inputs, outputs = np.arange(num_inputs), np.arange(num_outputs)
    return Layout(
        inputs=np.tile(inputs, num_outputs).astype(types.inputs),
        output_starts=np.arange(num_outputs + 1, dtype=np.int32) * num_inputs,
        outputs=np.tile(outputs, num_inputs).astype(types.outputs),
        input_starts=np.arange(num_inputs + 1, dtype=np.int32) * num_outputs,
        permutation=np.add.outer(inputs, outputs * num_inputs).ravel().astype(types.permutation),
        shape=shape,
    )


class IndexTypes(NamedTuple):
    """The smallest unsigned or signed integers that hold the indices of a layout."""

    inputs: type
    outputs: type
    permutation: type


def index_types(shape: tuple[int, int], capacity: int) -> IndexTypes:
    """Types for a kernel `shape = (in, out)` with room for `capacity` live weights."""
    smallest = lambda count: jnp.uint16 if count - 1 <= SMALL_INDEX else jnp.int32
    return IndexTypes(smallest(shape[0]), smallest(shape[1]), smallest(capacity))


def positions(layout: Layout) -> jax.Array:
    """Where each value stands in the flattened dense kernel, int32 `[capacity]`; padding stands behind its end."""
    num_inputs, num_outputs = layout.shape
    order = jnp.arange(layout.capacity, dtype=jnp.int32)
    output_of = jnp.searchsorted(layout.output_starts, order, side="right").astype(jnp.int32) - 1
    at = layout.inputs.astype(jnp.int32) * num_outputs + output_of
    return jnp.where(order < layout.output_starts[-1], at, num_inputs * num_outputs)


def gather(layout: Layout, dense: Array) -> jax.Array:
    """The entries of `dense` `[in, out]` at the live weights, `[capacity]`; zero in the padding."""
    return jnp.ravel(dense).at[positions(layout)].get(mode="fill", fill_value=0)


def scatter(layout: Layout, values: Array) -> jax.Array:
    """A dense `[in, out]` with `values` `[capacity]` at the live weights and exact zeros elsewhere."""
    zeros = jnp.zeros(layout.shape[0] * layout.shape[1], values.dtype)
    return zeros.at[positions(layout)].set(values, mode="drop").reshape(layout.shape)


def to_dense(kernel: Array | Compressed) -> Array:
    """The dense kernel `[in, out]`."""
    return scatter(kernel.layout, kernel.values) if isinstance(kernel, Compressed) else kernel


def to_mask(layout: Layout) -> jax.Array:
    """Which weights are alive: bool `[in, out]`."""
    return scatter(layout, jnp.ones(layout.capacity, bool))


def _check(values: np.ndarray, inputs: np.ndarray, starts: np.ndarray, shape: tuple[int, int]) -> None:
    num_inputs, num_outputs = shape
    _require(min(shape) > 0, f"shape is {shape}: both sides must be at least 1")
    _require(num_inputs * num_outputs < 2**31, f"shape is {shape}: positions beyond 2**31 do not fit int32")
    _require(values.dtype == np.float32, f"values are {values.dtype}: they must be float32")
    _require(values.ndim == 1, f"values have shape {values.shape}: they must be one axis of live weights")
    if (bad := ~np.isfinite(values)).any():
        at = int(bad.argmax())
        raise ValueError(f"values[{at}] is {values[at]}: it must be finite")
    for name, array in (("inputs", inputs), ("output_starts", starts)):
        _require(np.issubdtype(array.dtype, np.integer), f"{name} are {array.dtype}: they must be integers")
    _require(inputs.shape == values.shape, f"inputs have shape {inputs.shape} and values {values.shape}")
    expected = (num_outputs + 1,)
    _require(starts.shape == expected, f"output_starts have shape {starts.shape}: {shape} needs {expected}")
    ends = (int(starts[0]), int(starts[-1]))
    _require(ends == (0, len(values)), f"output_starts go from {ends[0]} to {ends[1]}, not from 0 to {len(values)}")
    steps = np.diff(starts.astype(np.int64))
    _require(bool((steps >= 0).all()), f"output_starts fall behind entry {steps.argmin()}: they must never fall")
    if (outside := (inputs < 0) | (inputs >= num_inputs)).any():
        at = int(outside.argmax())
        raise ValueError(f"inputs[{at}] is {inputs[at]}: not in 0 to {num_inputs - 1}")
    first = np.zeros(len(values) + 1, bool)
    first[starts] = True
    unsorted = np.flatnonzero((np.diff(inputs.astype(np.int64)) <= 0) & ~first[1 : len(values)])
    _require(not unsorted.size, f"inputs do not ascend within an output at entry {unsorted[:1].tolist()}: sort them")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
