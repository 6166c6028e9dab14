"""Large batches in parts: several parts at once, on as many threads as there are processors for this process."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

T = TypeVar("T")
SMALL = 2**20  # numbers of observations that one part holds: starting threads would take longer
NUMBERS = 2**18  # of observations in each part of larger batches, so that what is computed of it stays in the cache


def parts(observations: np.ndarray, numbers: int = NUMBERS) -> list[np.ndarray]:
    """Observations `[batch, *shape]`, as many in each part as have about so many numbers; a small batch is one part."""
    if observations.size <= SMALL:
        return [observations]
    size = max(numbers // observations[:1].size, 1)
    return [observations[start : start + size] for start in range(0, len(observations), size)]


def mapped(function: Callable[[np.ndarray], T], parts: list[np.ndarray]) -> Iterator[T]:
    """What a function makes of each part, in order; several at once, each on one thread.

    NumPy's products would each use all threads, which wait for each other where parts are small.
    """
    if len(parts) == 1:
        yield function(parts[0])
        return
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(_num_threads()) as threads:
        yield from threads.map(function, parts)


def _num_threads() -> int:
    """The processors that this process may run on, where the system tells."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed is not None else os.cpu_count() or 1
