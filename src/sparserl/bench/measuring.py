"""Measuring: variants of one work take turns, so that what slows the machine slows all of them alike."""

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sparserl.bench.results import Sample

Run = Callable[[int], None]  # does the work that many times, and returns when it is done
SLOW_SECONDS, SLOW_WINDOWS = 1.0, 5  # after a turn longer than both, a run gets no further turns
UNSEEN = 1e-30  # too small to change a float32 near 1, but far above the smallest float32


class Candidate(NamedTuple):
    """One variant of a work; `run` takes multiples of `multiple`; `products` runs its native products alone."""

    variant: str
    run: Run
    multiple: int = 1
    facts: Mapping[str, Any] = MappingProxyType({})
    products: Run | None = None


class Case(NamedTuple):
    """Variants that are compared with each other; the first is the dense one. `sizes` tell it from other cases."""

    work: str
    sparsity: float
    sizes: Mapping[str, Any]
    candidates: Sequence[Candidate]


def measure(case: Case, repetitions: int, window_seconds: float) -> list[Sample]:
    """Seconds of each candidate for each round."""
    runs = [(candidate.run, candidate.multiple) for candidate in case.candidates]
    runs += [(candidate.products, 1) for candidate in case.candidates if candidate.products is not None]
    seconds = take_turns(runs, repetitions, window_seconds)
    of_products = iter(seconds[len(case.candidates) :])
    return [
        Sample(
            case.work,
            case.sparsity,
            candidate.variant,
            dict(case.sizes),
            rounds,
            [] if candidate.products is None else next(of_products),
            dict(candidate.facts),
        )
        for candidate, rounds in zip(case.candidates, seconds, strict=False)
    ]


def take_turns(runs: Sequence[tuple[Run, int]], repetitions: int, window_seconds: float) -> list[list[float]]:
    """Seconds that the work takes once, for each run (given with its multiple) and each round of turns.

    Every turn lasts about `window_seconds` or one multiple, whichever is longer. The first calls, which compile, do
    not count.
    """
    counts = [_count(run, multiple, window_seconds) for run, multiple in runs]
    slow = max(SLOW_SECONDS, SLOW_WINDOWS * window_seconds)
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(repetitions):
        for (run, _), count, rounds in zip(runs, counts, seconds, strict=True):
            if not rounds or rounds[0] * count < slow:
                rounds.append(_timed(run, count) / count)
    return seconds


def _count(run: Run, multiple: int, window_seconds: float) -> int:
    """How often to do the work in one turn; estimated in two steps, because a call has costs of its own."""
    run(multiple)
    count = multiple
    for _ in range(2):
        once = _timed(run, count) / count
        wanted = math.ceil(window_seconds / max(once, 1e-9) / multiple) * multiple
        if wanted <= 2 * count:
            break
        count = wanted
    return max(count, wanted)


def _timed(run: Run, count: int) -> float:
    began = time.perf_counter()
    run(count)
    return time.perf_counter() - began


def looped(function: Callable[..., Any], *operands: Any) -> Run:
    """A run of `function(*operands)` in one compiled loop, each call on the operands that the last one left.

    Before each call one element of every float operand changes in place, too little to matter but depending on the last
    result: so XLA can neither hoist work out of the loop nor drop it, which an optimization barrier would not prevent.
    The whole result is carried, so that no part of it is dropped, either.
    """

    def loop(count: jax.Array, carry: Any) -> Any:
        def again(_: jax.Array, carry: Any) -> Any:
            operands, result = carry
            operands = jax.tree.map(functools.partial(_touched, first_element(result)), operands)
            return operands, function(*operands)

        return jax.lax.fori_loop(0, count, again, carry)

    compiled = jax.jit(loop, donate_argnums=1)
    shapes = jax.eval_shape(function, *operands)
    carry = (jax.tree.map(jnp.array, operands), jax.tree.map(lambda shape: jnp.zeros(shape.shape, shape.dtype), shapes))

    def run(count: int) -> None:
        nonlocal carry
        carry = jax.block_until_ready(compiled(count, carry))

    return run


def first_element(result: Any) -> jax.Array:
    """The sum of the first elements of a result's arrays, which cannot be had without computing the result."""
    return sum((leaf.ravel()[0] for leaf in jax.tree.leaves(result) if leaf.size), jnp.float32(0.0))


def _touched(amount: jax.Array, leaf: jax.Array) -> jax.Array:
    if not (leaf.size and jnp.issubdtype(leaf.dtype, jnp.floating)):
        return leaf
    first = jax.lax.slice(leaf, (0,) * leaf.ndim, (1,) * leaf.ndim)
    return jax.lax.dynamic_update_slice(leaf, first + UNSEEN * amount, (0,) * leaf.ndim)
