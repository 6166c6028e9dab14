"""Signals: Ctrl-C and its relatives, once for an orderly stop, and a second time for one at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from sparserl.processes.supervision import STOPPING, minding


@contextmanager
def interrupts(ask: Callable[[], None]) -> Iterator[None]:
    """Call `ask` at the first signal, which must not raise; raise KeyboardInterrupt at every later one.

    An exception out of nowhere could leave Dask's client in any state, so that the first one only asks. Signals that
    are ignored, as in background jobs and under nohup, stay so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        ask()

    before: dict[int, Any] = {number: signal.getsignal(number) for number in STOPPING}
    heeded = [number for number in STOPPING if before[number] is not signal.SIG_IGN]
    try:
        for number in heeded:
            signal.signal(number, handle)
        with minding():
            yield
    finally:
        for number in heeded:
            signal.signal(number, before[number])
