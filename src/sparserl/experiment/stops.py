"""Stops: where a run stops to tell how far it is, so that it is never silent for long; results do not depend on it."""

import bisect
import time
from collections.abc import Iterator, Sequence

CHUNK_SECONDS = 1.0  # how long a chunk is to take, where that is asked for
FIRST_STEPS = 100  # of a run whose speed is not known yet


class Stops:
    """The stops of a run after step `begin`: those that are due, those of an observer, and one every so many steps.

    chunk_steps: how many; None: as many as last about CHUNK_SECONDS, found while the run goes on.
    """

    def __init__(self, begin: int, due: Sequence[int], observed: Sequence[int], chunk_steps: int | None) -> None:
        self._due, self._observed = list(due), list(observed)
        self._length, self._adaptive = chunk_steps or FIRST_STEPS, chunk_steps is None
        self._origin = self._told = begin
        self._began: float | None = None

    def each(self) -> Iterator[int]:
        """Each stop, when the one before has been dealt with."""
        at = self._origin
        while at < self._due[-1]:
            at = min(self._next_told(), self._next(self._observed, at))
            self._began = time.monotonic()
            yield at

    def reached(self, num_steps: int) -> bool:
        """Take note of where the run has come to; whether it is to tell so: not where an observer alone looks."""
        told = num_steps >= self._next_told()
        if told:
            self._adapt()
            self._told = num_steps
        return told

    def _next_told(self) -> int:
        chunk = self._told + self._length if self._adaptive else (self._told // self._length + 1) * self._length
        return min(chunk, self._next(self._due, self._told))

    def _next(self, steps: Sequence[int], after: int) -> int:
        index = bisect.bisect_right(steps, after)
        return steps[index] if index < len(steps) else self._due[-1]

    def _adapt(self) -> None:
        if not self._adaptive or self._began is None:
            return
        seconds = time.monotonic() - self._began
        wanted = self._length * CHUNK_SECONDS / max(seconds, 1e-9)
        self._length = max(int(min(max(wanted, self._length / 2), self._length * 2)), 1)
