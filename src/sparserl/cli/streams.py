"""Streams: standard output and error that nobody reads any more, that were never open, or whose disk is full.

What a command does is worth more than what it says of it: it goes on, and ends with the status that it has earned.
"""

import errno
import os
import sys
from collections.abc import Callable
from typing import IO, Any

_NOBODY_READS = (errno.EPIPE, errno.EBADF)


class Patient:
    """A stream whose text goes nowhere once it cannot be written any more; `failure` is then why, in words.

    There is none where nobody reads it, as behind `| head`: that is no failure.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self.failure = stream, ""

    def write(self, text: str) -> int:
        return self._tried(lambda: self._stream.write(text), len(text))

    def flush(self) -> None:
        self._tried(self._stream.flush, None)

    def close(self) -> None:
        """Whatever others close, it stays open."""
        self.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _tried(self, do: Callable[[], Any], otherwise: Any) -> Any:
        try:
            return do()
        except ValueError:  # what is behind it was closed, by code that is not ours
            return otherwise
        except OSError as error:
            if error.errno not in _NOBODY_READS:
                self.failure = self.failure or str(error.strerror)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)
            return otherwise


def open_closed() -> None:
    """Open the standard streams that were closed before this process began; other files would get their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:
                lowest = os.open(os.devnull, os.O_RDWR)  # of the numbers that are free: this one
                os.set_inheritable(lowest, True)
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), "w" if number else "r"))
