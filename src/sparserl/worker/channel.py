"""Channel: what a worker says to the process that started it, and its last line: no ending is believed without."""

import os
import sys
from contextlib import suppress
from typing import NoReturn

from sparserl.processes import binding
from sparserl.processes.outcomes import last_line


class Channel:
    """Standard output, from here on for the parent alone; `engine`: it is an engine, which waits for a last line."""

    def __init__(self, engine: bool) -> None:
        self._output, self._engine = binding.own_output(), engine

    def say(self, *lines: str) -> None:
        """Say lines at once, whatever other threads say. Raises BrokenPipeError where nobody listens any more."""
        os.write(self._output.fileno(), "".join(f"{line}\n" for line in lines).encode())

    def announce(self, exit_status: int) -> None:
        """Say how this process is going to end: all is stored, whatever ends it from now on."""
        with suppress(OSError):
            self.say(*[last_line(exit_status)] * self._engine)

    def end(self, exit_status: int) -> NoReturn:
        """End this process by our own will; an orderly end would wait for threads, and for hooks that are not ours."""
        self.announce(exit_status)
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(exit_status)
