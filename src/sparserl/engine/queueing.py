"""Queue: the runs that are not with the cluster: those whose turn is next, and those that are put off for a time."""

import heapq
import time
from collections.abc import Iterable, Iterator
from pathlib import Path


class Queue:
    """Runs in the order in which they are submitted; `busy` are those put off because another process has them."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._ready = list(reversed(list(folders)))  # the next one last
        self._later: list[tuple[float, Path]] = []  # by time
        self.busy: set[Path] = set()

    def __bool__(self) -> bool:
        return bool(self._ready or self._later)

    @property
    def is_ready(self) -> bool:
        """Whether there is a run that need not wait."""
        return bool(self._ready)

    def pop(self) -> Path:
        """The run whose turn it is."""
        return self._ready.pop()

    def take_up(self, folder: Path) -> None:
        """Let a run be the next one."""
        self.busy.discard(folder)
        self._ready.append(folder)

    def put_off(self, folder: Path, seconds: float) -> None:
        heapq.heappush(self._later, (time.monotonic() + seconds, folder))

    def due(self) -> Iterator[Path]:
        """Those that have been put off for long enough; each is in the queue again only where it is taken up."""
        while self._later and self._later[0][0] <= time.monotonic():
            yield heapq.heappop(self._later)[1]

    def seconds_to_next(self, most: float) -> float:
        """How long it is until the next one is due, `most` seconds at most."""
        return max(min(most, self._later[0][0] - time.monotonic()), 0.0) if self._later else most
