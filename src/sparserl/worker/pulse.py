"""Pulse: signs of life while a worker has nothing to tell, as in a long evaluation, and none where it hangs.

A call of the environment has to come to its end: each that does is a sign, and inside one there is none. To make an
environment may take three times as long. Everything else is our own work: it lives as long as it computes or writes.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sparserl.calls import CLOSING, MAKING, PLAYING

PATIENCE_IN_MAKING = 3.0  # times the silence that counts as hanging
_LONGEST_PAUSE_SECONDS = 1.0
_LEAST_WORK = 0.005  # of the time, on the processor: more than these threads themselves take
_LEAST_BYTES = 2**20


class Look(NamedTuple):
    """What can be seen of this process at a moment; `num_ended` counts the calls of environments that came back."""

    seconds: float
    num_ended: int
    processor_seconds: float
    written_bytes: int


def look() -> Look:
    num_ended = MAKING.num_ended + PLAYING.num_ended + CLOSING.num_ended
    return Look(time.monotonic(), num_ended, time.process_time(), _written_bytes())


class Pulse:
    """Says whether there was life since it was asked last; `hang_seconds` is the silence that counts as hanging."""

    def __init__(self, hang_seconds: float) -> None:
        self._hang_seconds, self._last = hang_seconds, look()
        self._making_since: float | None = None

    def beats(self, now: Look) -> bool:
        last, self._last = self._last, now
        if now.num_ended != last.num_ended:
            self._making_since = None
            return True
        if PLAYING.num_open or CLOSING.num_open:
            return False
        if MAKING.num_open:
            self._making_since = self._making_since or now.seconds
            return now.seconds - self._making_since < (PATIENCE_IN_MAKING - 1.0) * self._hang_seconds
        worked = now.processor_seconds - last.processor_seconds
        return (
            worked > _LEAST_WORK * (now.seconds - last.seconds)
            or now.written_bytes - last.written_bytes >= _LEAST_BYTES
        )


def beat(say: Callable[[str], None], hang_seconds: float) -> None:
    """Say a line without news whenever there is life, from a thread of its own, for ever."""
    pulse, pause = Pulse(hang_seconds), min(hang_seconds / 10, _LONGEST_PAUSE_SECONDS)

    def watch() -> None:
        while True:
            time.sleep(pause)
            if pulse.beats(look()):
                with suppress(OSError):  # who nobody listens to learns it elsewhere
                    say("{}")

    threading.Thread(target=watch, daemon=True).start()


def _written_bytes() -> int:
    """The bytes that this process has written so far (Linux)."""
    try:
        words = Path("/proc/self/io").read_text().split()
        return int(words[words.index("wchar:") + 1])
    except (OSError, ValueError):
        return 0
