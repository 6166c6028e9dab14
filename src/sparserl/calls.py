"""Calls of code that is not ours, as environments are: which are open, and how many have come back.

Such code may take long, hang, or fork the process. The first two are told apart by what is counted here.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

LONGEST_LINE = 1_000  # of what others say, in characters
_OURS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


class Calls:
    """Stands around each call in a `with` statement; `num_open` is above 0 inside, `num_ended` counts those before.

    A process that was forked in a call ends at the end of that call: all that follows is the first one's to do. The
    standard streams are then what they were before: others may have put their own in their places.
    """

    def __init__(self) -> None:
        self.num_open = self.num_ended = self._process = 0
        self._streams = sys.stdout, sys.stderr

    def __enter__(self) -> None:
        self._process = os.getpid()
        self._streams = sys.stdout, sys.stderr
        self.num_open += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if os.getpid() != self._process:
            os._exit(0)
        sys.stdout, sys.stderr = self._streams
        self.num_open -= 1
        self.num_ended += 1


MAKING = Calls()  # environments, which may load for minutes
PLAYING = Calls()  # steps and resets
CLOSING = Calls()  # which have a limit of their own


@contextlib.contextmanager
def making() -> Iterator[None]:
    """A call that makes an environment, after which signals and the file mode mean to us what they did before."""
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: handler for number in _OURS if (handler := signal.getsignal(number)) is not None}
    os.umask(mask := os.umask(0o077))
    try:
        with MAKING:
            yield
    finally:
        os.umask(mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)


def ended_by(error: BaseException) -> str:
    """What is told of an exception that is made to end a process: SystemExit, or whatever else is no `Exception`."""
    said = one_line(error)
    return f"the environment ended the process: {type(error).__name__}{said and f': {said}'}"


def one_line(what: object, tell: Callable[[object], str] = str) -> str:
    """What such code says of something, in a line of bounded length; that may be code, too, which fails."""
    try:
        text = " ".join(tell(what).split())
    except Exception as error:
        return f"(what it says of itself is lost: {type(error).__name__})"
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]}..."
