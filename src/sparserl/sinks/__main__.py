"""One sink as a process: `python -m sparserl.sinks KIND DIR ... [--output PLACE] [--once]`.

It reads the results store at the lowest priority, passes on what is new, and remembers what it has passed on. SIGTERM
and Ctrl-C let it pass on what is there and end. Exit status 0: all that was there was passed on; 1: not all; 2: the
request was wrong.
"""

from sparserl.modules import look_here_last

if __name__ == "__main__":
    look_here_last()  # before libraries are imported

import signal

if __name__ == "__main__":  # signals wait until there is somebody who heeds them
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))

import argparse
import os
import sys
import time
from pathlib import Path
from types import FrameType
from typing import IO

import pyarrow as pa

from sparserl.errors import UserError
from sparserl.processes import binding
from sparserl.processes.homes import at_home
from sparserl.processes.locks import try_lock
from sparserl.processes.log import tell
from sparserl.processes.outcomes import FAILED, FINISHED, WRONG
from sparserl.sinks.following import follow
from sparserl.sinks.kinds import check_kinds, opener
from sparserl.sinks.processes import default_output

_LONGEST_PAUSE_SECONDS = 60.0


class Stop:
    """Whether the end was asked for, by a signal or by the end of the process that started this one."""

    def __init__(self, parent: int | None) -> None:
        self.asked, self._parent = False, parent

    def __call__(self, signal_number: int, frame: FrameType | None) -> None:
        self.asked = True

    def wait(self, seconds: float) -> bool:
        """Wait, but no longer than until the end is asked for; whether it was."""
        due = time.monotonic() + seconds
        while not self.asked and time.monotonic() < due:
            time.sleep(min(0.1, seconds))
            self.asked |= self._parent is not None and os.getppid() != self._parent
        return self.asked


def main() -> int:
    """Follow what the command line names; see the module."""
    parser = argparse.ArgumentParser(prog="python -m sparserl.sinks", description=__doc__)
    parser.add_argument("kind", metavar="KIND", help="jsonl, tensorboard or wandb")
    parser.add_argument("places", metavar="DIR", nargs="+", type=Path, help="results, a study, an experiment or a run")
    parser.add_argument("--output", metavar="PLACE", type=Path, help="where PLACE/KIND goes; none: DIR/sinks")
    parser.add_argument("--once", action="store_true", help="pass on what is there, and end")
    parser.add_argument("--poll-seconds", type=float, default=2.0, help="how long to wait between two looks")
    binding.add_options(parser)
    options = parser.parse_args()
    stop = Stop(options.parent)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    _bind(options)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT))  # `started` holds one back, too
    stop.asked |= options.once
    try:
        check_kinds([options.kind])
        places = _places(options.places)
        folder = at_home(options.output or default_output(places)) / options.kind
        with _claimed(folder):
            return _follow(options.kind, folder, places, stop, options.poll_seconds)
    except UserError as error:
        tell(str(error))
        return WRONG


def _follow(kind: str, folder: Path, places: list[Path], stop: Stop, poll_seconds: float) -> int:
    """Follow until asked to end; after a failure pause, longer each time, and go on where the sink stood."""
    pause, told = 1.0, ""
    while True:
        last = stop.asked
        try:
            follow(opener(kind), folder, places, stop.wait, tell, poll_seconds)
            return FINISHED
        except Exception as error:  # a sink may raise anything
            cause = " ".join(f"{type(error).__name__}: {error}".split())
        if last:
            tell(cause)
            return FAILED
        if cause != told:
            tell(f"{cause}; trying again")
        told, pause = cause, min(2 * pause, _LONGEST_PAUSE_SECONDS)
        stop.wait(pause)


def _places(words: list[Path]) -> list[Path]:
    """The folders that were named; those on standard input, one a line, for the word `-`."""
    if words == [Path("-")]:
        return [Path(line) for line in sys.stdin.read().splitlines()]
    words = [at_home(word) for word in words]
    for place in words:
        if not place.is_dir():
            raise UserError(f"there is no folder {place}: name a results directory, a study's, experiment's or run's")
    return words


def _claimed(folder: Path) -> IO[str]:
    """The folder's lock, held until it is closed; raises UserError where another process has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return try_lock(folder / "lock")
    except BlockingIOError as error:
        raise UserError(f"another process passes on to {folder}: stop it, or choose another --output") from error
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error


def _bind(options: argparse.Namespace) -> None:
    """Give way to all others, use one thread, and die at once with the parent: what is missed is passed on later."""
    binding.give_way()
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    binding.bind(options.core, options.parent, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
