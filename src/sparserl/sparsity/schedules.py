"""Schedules: when a topology changes (windows of training) and by how much (cubic sparsity, cosine decay).

Schedules are plain Python functions of a progress from 0 to 1. `WindowProgress.tabulate` evaluates them in float64
while tracing, so every count they lead to is exact and the same under jit.
"""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Array, Field, UserError, check_fields, part_of


@functools.partial(jax.tree_util.register_dataclass, data_fields=["index"], meta_fields=["count"])
@dataclass(frozen=True)
class WindowProgress:
    """How far a window has come: `index` (int32 scalar, may be traced) of `count` intervals (static) are behind us.

    The progress is index / count, or 1 where the window has a single update.
    """

    index: Array
    count: int

    def tabulate(self, function: Callable[[float], float] | Callable[[float], int]) -> jax.Array:
        """`function` at the present progress: int32 scalar where it returns integers, else float32 scalar.

        It is evaluated in Python at every progress that can occur.
        """
        values = [function(i / self.count) for i in range(self.count + 1)] if self.count else [function(1.0)]
        dtype = np.int32 if all(isinstance(value, int) for value in values) else np.float32
        here = np.arange(len(values), dtype=np.int32) == jnp.clip(self.index, 0, len(values) - 1)
        return jnp.sum(jnp.where(here, np.array(values, dtype), dtype(0)), dtype=dtype)

    def fraction(self) -> jax.Array:
        """The progress itself, float32 scalar from 0 to 1."""
        return self.tabulate(lambda progress: progress)


@dataclass(frozen=True)
class Window:
    """The part of training in which the topology changes, and how often it does.

    With T total updates the first change is before update s = round(start_fraction * T), updates counting from 0; then
    one every `interval_updates`, the last one not later than round(stop_fraction * T), nor than training itself.
    """

    start_fraction: float = 0.0  # part of all updates after which the topology changes first
    stop_fraction: float = 0.8  # part of all updates after which it changes no more
    interval_updates: int = 1000  # gradient updates from one change to the next

    def __post_init__(self) -> None:
        check_fields(self)
        if not 0.0 <= self.start_fraction <= 1.0:
            raise UserError("it must lie in [0, 1]", field="start_fraction", value=self.start_fraction)
        if not self.start_fraction <= self.stop_fraction <= 1.0:
            raise UserError(
                "it must lie between ",
                Field("start_fraction"),
                f", which is {self.start_fraction}, and 1",
                field="stop_fraction",
                value=self.stop_fraction,
            )
        if self.interval_updates < 1:
            raise UserError("it must be at least 1", field="interval_updates", value=self.interval_updates)

    def first(self, total_updates: int) -> int:
        """The update at which the window first changes the topology."""
        return round(part_of(total_updates, self.start_fraction))

    def last(self, total_updates: int) -> int:
        """The last such update: a whole number of intervals after the first; before the first if there is none."""
        first = self.first(total_updates)
        return first + (self._stop(total_updates) - first) // self.interval_updates * self.interval_updates

    def due_updates(self, total_updates: int) -> list[int]:
        """All updates at which the topology changes."""
        return list(range(self.first(total_updates), self.last(total_updates) + 1, self.interval_updates))

    def check(self, total_updates: int) -> None:
        """Raise UserError where the window never fires, or is shorter than its interval.

        A window with equal start and stop is meant to fire once, whatever its interval.
        """
        first, last = self.first(total_updates), self.last(total_updates)
        if last < first:
            raise UserError(
                f"the window never fires: it must start before the last of {total_updates} updates",
                field="start_fraction",
                value=self.start_fraction,
            )
        if last == first and self.start_fraction != self.stop_fraction:
            span_updates = self._stop(total_updates) - first
            advice = f"at most {span_updates} is allowed" if span_updates else "train longer or widen the window"
            raise UserError(
                f"the window, {self.start_fraction} to {self.stop_fraction} of {total_updates} updates, is shorter; "
                f"{advice}",
                field="interval_updates",
                value=self.interval_updates,
            )

    def due(self, num_updates: int | Array, total_updates: int) -> bool | Array:
        """Whether the topology changes at update `num_updates` (counts from 0; int or traced integer scalar)."""
        first, last = self.first(total_updates), self.last(total_updates)
        return (num_updates >= first) & ((num_updates - first) % self.interval_updates == 0) & (num_updates <= last)

    def progress(self, num_updates: int | Array, total_updates: int) -> WindowProgress:
        """How far the window has come at update `num_updates`; exactly 1 at its last update and after."""
        first, last = self.first(total_updates), self.last(total_updates)
        count = max((last - first) // self.interval_updates, 0)
        index = (jnp.asarray(num_updates, jnp.int32) - first) // self.interval_updates
        return WindowProgress(jnp.clip(index, 0, count), count)

    def _stop(self, total_updates: int) -> int:
        # Updates count from 0, so update number `total_updates` does not happen.
        return min(round(part_of(total_updates, self.stop_fraction)), total_updates - 1)


def cubic_sparsity(final_sparsity: float, progress: float) -> float:
    """Sparsity that rises from 0 to `final_sparsity`, fast first and slow at the end. Zhu & Gupta 2018, equation 1."""
    return final_sparsity * (1.0 - (1.0 - progress) ** 3)


def cosine_decay(value: float, progress: float) -> float:
    """`value` that falls to 0 along half a cosine. Evci et al. 2020, section 3 (2)."""
    return value * 0.5 * (1.0 + math.cos(math.pi * progress))


def moved_count(progress: WindowProgress, drop_fraction: float, live: int) -> jax.Array:
    """How many of `live` connections move now, int32 scalar: the drop fraction decays to 0 along a cosine."""
    return progress.tabulate(lambda p: math.floor(part_of(live, cosine_decay(drop_fraction, p))))
