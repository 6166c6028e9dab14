"""Closing: an environment of Gymnasium may hold ports, files and whole programs, which only its `close` gives back.

Its result is there before, and must not be lost over it: an environment that raises meanwhile or takes too long is told
of, and left.
"""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import gymnasium

from sparserl.calls import CLOSING, one_line
from sparserl.environments.registry import in_one_line

CLOSE_SECONDS = 10.0  # for all environments of one kind
_LEAST_SECONDS = 0.5  # for each, however long others took


def close_all(identifier: str, environments: list[gymnasium.Env[Any, Any]]) -> None:
    """Take every environment off the list and close it; what goes wrong is told on standard error."""
    deadline = time.monotonic() + CLOSE_SECONDS
    while environments:
        environment = environments.pop()
        try:
            with CLOSING, _limited(max(deadline - time.monotonic(), min(_LEAST_SECONDS, CLOSE_SECONDS))):
                environment.close()
        except BaseException as error:  # SystemExit, too; Ctrl-C means this close
            reason = in_one_line(error) if isinstance(error, Exception) else one_line(error) or type(error).__name__
            logging.getLogger("sparserl").warning("environment %r could not be closed: %s", identifier, reason)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise inside after this time, in the main thread: closing in another one would be safe for few libraries."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(f"it took longer than {seconds:g} s")  # which few catch

    usual, left = signal.signal(signal.SIGALRM, interrupt), signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *left)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if usual is None else usual)
