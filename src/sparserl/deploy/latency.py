"""Latency: how long one action takes, call by call, of policies that take turns on the same machine.

Each call is timed alone by a monotonic clock, C inside C and Python inside Python, so that no call across languages is
counted that its users would not pay. What slows the machine slows all candidates alike, because their turns are short.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

Calls = Callable[[int], np.ndarray]  # makes that many calls, one after another; seconds of each

ROUNDS = 20
WARM_CALLS = 50  # the first calls compile, and fill caches; they do not count


class Latency(NamedTuple):
    """Seconds of one call: the median, and what 99 of 100 calls stay below."""

    p50_seconds: float
    p99_seconds: float
    num_calls: int


def measure(candidates: Mapping[str, Calls], seconds: float) -> dict[str, Latency]:
    """The latency of each candidate; all of them together take about `seconds`, and at least two calls a turn each."""
    turn_seconds = seconds / (max(len(candidates), 1) * ROUNDS)
    counts = {name: _count(calls, turn_seconds) for name, calls in candidates.items()}
    turns: dict[str, list[np.ndarray]] = {name: [] for name in candidates}
    for _ in range(ROUNDS):
        for name, calls in candidates.items():
            turns[name].append(calls(counts[name]))
    return {name: summary(np.concatenate(timed)) for name, timed in turns.items()}


def summary(seconds: np.ndarray) -> Latency:
    """The latency of calls that took so long each."""
    p50, p99 = np.quantile(seconds, [0.5, 0.99])
    return Latency(float(p50), float(p99), len(seconds))


def in_python(act: Callable[[np.ndarray], Any], observations: np.ndarray) -> Calls:
    """Calls of a Python function with one observation after another of `[number, *shape]`."""
    rows = list(observations)

    def calls(count: int) -> np.ndarray:
        marks = np.empty((count, 2), np.int64)
        for number in range(count):
            row = rows[number % len(rows)]
            began = time.perf_counter_ns()
            act(row)
            marks[number] = began, time.perf_counter_ns()
        return (marks[:, 1] - marks[:, 0]) * 1e-9

    return calls


def _count(calls: Calls, turn_seconds: float) -> int:
    """How many calls fill one turn."""
    calls(WARM_CALLS)
    once = float(np.median(calls(WARM_CALLS)))
    return max(int(turn_seconds / max(once, 1e-9)), 2)
