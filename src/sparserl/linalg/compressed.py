"""Compressed kernels: the live weights of a layer, and the ways between them, dense arrays and masks."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.linalg.layout import Layout
from sparserl.types import Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Compressed:
    """A kernel `[in, out]` of which only the live weights are stored: `values` `[capacity]`, float32, by output unit.

    `x @ kernel` and `kernel @ x` are what they are for a dense kernel, computed natively; their gradients exist for the
    live weights only. `make` checks what it is given; the constructor does not, because it also runs on tracers.
    `check` is for kernels that come from files.
    """

    values: Array
    layout: Layout

    __array_ufunc__ = None  # so that NumPy leaves `x @ kernel` to `__rmatmul__`, as JAX does

    def __rmatmul__(self, x: Array) -> jax.Array:
        """`x @ kernel`, from `[..., in]` to `[..., out]`."""
        from sparserl.linalg.multiplication import from_left  # it needs this class

        return from_left(x, self)

    def __matmul__(self, x: Array) -> jax.Array:
        """`kernel @ x`, from `[out]` or `[out, batch]` to `[in]` or `[in, batch]`."""
        from sparserl.linalg.multiplication import from_right

        return from_right(self, x)

    def __getitem__(self, index: Any) -> "Compressed":
        """All of it, `kernel[...]`, as some libraries read their parameters."""
        if index is not Ellipsis:
            raise TypeError(f"a compressed kernel has no entries to index by {index}: linalg.to_dense has them")
        return self

    @property
    def dtype(self) -> np.dtype:
        """Type of the values, float32."""
        return self.values.dtype

    @property
    def ndim(self) -> int:
        """Axes of the dense kernel: 2."""
        return 2

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
        return self.layout.num_live

    @staticmethod
    def make(values: Array, inputs: Array, output_starts: Array, shape: tuple[int, int]) -> "Compressed":
        """A kernel from its live weights by output unit, each output's by ascending input; runs on the host.

        values: float32 `[live]`, finite. inputs: integers `[live]` from 0 to in - 1. output_starts: integers
        `[out + 1]` from 0 to live. Raises ValueError, and says which of them is wrong and where.
        """
        values, inputs = np.asarray(values), np.asarray(inputs)
        if values.dtype != np.float32:
            raise ValueError(f"values are {values.dtype}: they must be float32")
        if values.ndim != 1:
            raise ValueError(f"values have shape {values.shape}: they must be one axis of live weights")
        if (bad := ~np.isfinite(values)).any():
            at = int(bad.argmax())
            raise ValueError(f"values[{at}] is {values[at]}: it must be finite")
        if inputs.shape != values.shape:
            raise ValueError(f"inputs have shape {inputs.shape} and values {values.shape}")
        layout = Layout.make(inputs, np.asarray(output_starts), shape, len(values))
        return Compressed(jnp.asarray(values), jax.tree.map(jnp.asarray, layout))

    def check(self) -> None:
        """Raise ValueError, naming the array and the entry, unless native code can rely on it. Runs on the host.

        Values need not be finite: a run may have diverged.
        """
        if self.values.shape != self.layout.inputs.shape or self.values.dtype != np.float32:
            raise ValueError(
                f"values are {self.values.dtype}{list(self.values.shape)}: "
                f"the layout needs float32{list(self.layout.inputs.shape)}"
            )
        self.layout.check()


def all_live(kernel: Array) -> Compressed:
    """A dense kernel `[in, out]` as a compressed kernel, with every weight alive."""
    num_inputs, num_outputs = kernel.shape
    return Compressed(kernel.T.ravel(), _full_layout((num_inputs, num_outputs)))


@functools.cache
def _full_layout(shape: tuple[int, int]) -> Layout:
    num_inputs, num_outputs = shape
    inputs, starts = np.tile(np.arange(num_inputs), num_outputs), np.arange(num_outputs + 1) * num_inputs
    return Layout.make(inputs, starts, shape, len(inputs))


def positions(layout: Layout) -> jax.Array:
    """The place of each value in the flattened dense kernel, int32 `[capacity]`; that of padding lies past its end."""
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
