"""Layouts: where the live weights of a compressed kernel stand, and whether arrays that claim to be one can be it."""

import dataclasses
from collections.abc import Iterator
from typing import Any

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
    and the places after it are padding with index 0. Leading axes (seeds) are the same for all arrays.
    """

    inputs: Array  # [capacity] the input unit of each value
    output_starts: Array  # [out + 1] int32
    outputs: Array  # [capacity] the output unit of each weight, in the order of inputs
    input_starts: Array  # [in + 1] int32
    permutation: Array  # [capacity] the position of each weight's value, in the order of inputs
    shape: tuple[int, int] = dataclasses.field(metadata={"static": True})

    @property
    def capacity(self) -> int:
        """Values that the layout has room for."""
        return self.inputs.shape[-1]

    @property
    def num_live(self) -> Array:
        """Live weights, int32."""
        return self.output_starts[..., -1]

    @staticmethod
    def make(inputs: np.ndarray, output_starts: np.ndarray, shape: tuple[int, int], capacity: int) -> "Layout":
        """The layout, in NumPy arrays, of weights that are listed by output, each output's by ascending input.

        inputs: integers `[live]` from 0 to in - 1. output_starts: integers `[out + 1]` from 0 to live. Raises
        ValueError, and says which of them is wrong and where.
        """
        _check_listed(inputs, output_starts, shape)
        like = layout_shapes(shape, capacity)
        inputs, starts = inputs.astype(like.inputs.dtype), output_starts.astype(np.int32)
        outputs = np.repeat(np.arange(shape[1], dtype=like.outputs.dtype), np.diff(starts))
        order = np.argsort(inputs, kind="stable")  # the outputs of an input keep their order
        return Layout(
            inputs=_padded(inputs, like.inputs),
            output_starts=starts,
            outputs=_padded(outputs[order], like.outputs),
            input_starts=np.append(0, np.cumsum(np.bincount(inputs, minlength=shape[0]))).astype(np.int32),
            permutation=_padded(order, like.permutation),
            shape=shape,
        )

    def check(self) -> None:
        """Raise ValueError, naming the array and the entry, unless the arrays are those of one set of live weights.

        Native code reads and writes wherever a layout points, so a layout that comes from a file is checked first.
        Runs on the host; there must be no leading axes.
        """
        given = {name: np.asarray(array) for name, array in _fields(self)}
        inputs, starts = given["inputs"], given["output_starts"]
        for name, like in _fields(layout_shapes(self.shape, inputs.size)):
            if (given[name].shape, given[name].dtype) != (like.shape, like.dtype):
                raise ValueError(f"{name} are {_kind(given[name])}: {self.shape} needs {_kind(like)}")
        live = int(starts[-1])
        _require(0 <= live <= inputs.size, f"output_starts end at {live}: there is room for {inputs.size} weights")
        for name, right in _fields(Layout.make(inputs[:live], starts, self.shape, inputs.size)):
            if (wrong := np.flatnonzero(given[name] != right)).size:
                at = int(wrong[0])
                raise ValueError(f"{name}[{at}] is {given[name][at]}: inputs and output_starts make it {right[at]}")


def layout_shapes(shape: tuple[int, int], capacity: int) -> Layout:
    """A `Layout` with shapes and types in place of its arrays, for a kernel `shape = (in, out)`."""
    num_inputs, num_outputs = shape
    index = lambda limit: jnp.uint16 if limit - 1 <= SMALL_INDEX else jnp.int32  # the smallest that holds them
    of: Any = jax.ShapeDtypeStruct
    return Layout(
        inputs=of((capacity,), index(num_inputs)),
        output_starts=of((num_outputs + 1,), jnp.int32),
        outputs=of((capacity,), index(num_outputs)),
        input_starts=of((num_inputs + 1,), jnp.int32),
        permutation=of((capacity,), index(capacity)),
        shape=shape,
    )


def _fields(layout: Layout) -> Iterator[tuple[str, Any]]:
    """The arrays by name."""
    return ((name, array) for name, array in vars(layout).items() if name != "shape")


def _padded(array: np.ndarray, like: Array) -> np.ndarray:
    padded = np.zeros(like.shape, like.dtype)
    padded[: len(array)] = array
    return padded


def _kind(array: Any) -> str:
    return f"{array.dtype}{list(array.shape)}"


def _check_listed(inputs: np.ndarray, starts: np.ndarray, shape: tuple[int, int]) -> None:
    num_inputs, num_outputs = shape
    _require(min(shape) > 0, f"shape is {shape}: both sides must be at least 1")
    _require(num_inputs * num_outputs < 2**31, f"shape is {shape}: positions beyond 2**31 do not fit int32")
    for name, array in (("inputs", inputs), ("output_starts", starts)):
        _require(np.issubdtype(array.dtype, np.integer), f"{name} are {array.dtype}: they must be integers")
    _require(inputs.ndim == 1, f"inputs have shape {inputs.shape}: they must be one axis of live weights")
    expected = (num_outputs + 1,)
    _require(starts.shape == expected, f"output_starts have shape {starts.shape}: {shape} needs {expected}")
    ends = (int(starts[0]), int(starts[-1]))
    _require(ends == (0, len(inputs)), f"output_starts go from {ends[0]} to {ends[1]}, not from 0 to {len(inputs)}")
    if (falls := starts[1:] < starts[:-1]).any():  # and not by differences, which wrap around where unsigned
        raise ValueError(f"output_starts fall behind entry {falls.argmax()}: they must never fall")
    if (outside := (inputs < 0) | (inputs >= num_inputs)).any():
        at = int(outside.argmax())
        raise ValueError(f"inputs[{at}] is {inputs[at]}: not in 0 to {num_inputs - 1}")
    first = np.zeros(len(inputs) + 1, bool)
    first[starts] = True
    unsorted = np.flatnonzero((inputs[1:] <= inputs[:-1]) & ~first[1 : len(inputs)])
    _require(not unsorted.size, f"inputs do not ascend within an output at entry {unsorted[:1].tolist()}: sort them")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)
