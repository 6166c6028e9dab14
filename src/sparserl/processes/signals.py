"""Signals: Ctrl-C and its relatives, once for an orderly stop, and a second time for one at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from sparserl.processes.supervision import STOPPING, minding, passed_on

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def interrupts(ask: Callable[[], None]) -> Iterator[None]:
    """Call `ask` at the first signal, which must not raise; raise KeyboardInterrupt at every later one.

    An exception out of nowhere could leave Dask's client in any state, so that the first one only asks. Signals that
    are ignored, as in background jobs and under nohup, stay so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def act(press: int) -> None:
        if press > 1:
            raise KeyboardInterrupt
        ask()

    handle = each_press(act)
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


def each_press(act: Callable[[int], None]) -> Handler:
    """A handler that calls `act` with 1 when people ask for the first time, with 2 when they do so again, and so on.

    Where a signal goes to all processes of a command, as from systemd or `pkill -f`, it comes twice, by itself and
    passed on, and is one: what counts is how often it came in either way.
    """
    came, presses, before = 0, 0, passed_on()

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal came, presses
        came += 1
        passed = passed_on() - before
        if max(passed, came - passed) > presses:
            presses += 1
            act(presses)

    return handle
