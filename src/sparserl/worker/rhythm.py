"""Rhythm: when a worker stores checkpoints, of all its runs at the same step."""

import math
import time

CHECKPOINT_SECONDS = 60.0  # between checkpoints, where nobody says otherwise
LARGEST_OVERHEAD = 0.02  # of the time goes to checkpoints then: where one takes long, the next comes later


class Rhythm:
    """Checkpoints every `chosen_seconds`; None: as often as they stay cheap."""

    def __init__(self, chosen_seconds: float | None) -> None:
        self._chosen = chosen_seconds
        self._pause = CHECKPOINT_SECONDS if chosen_seconds is None else chosen_seconds
        self._last = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self._last >= self._pause

    def stored(self, began: float, whole: bool) -> None:
        """Take note of a checkpoint since the time `began`; not whole: a run lets nobody store it, and never will."""
        self._last = time.monotonic()
        if not whole:
            self._pause = math.inf
        elif self._chosen is None:
            self._pause = max(CHECKPOINT_SECONDS, (self._last - began) / LARGEST_OVERHEAD)
