"""Binding: what a child does about itself first, so that it stays within its bounds and never outlives its parent."""

import argparse
import ctypes
import io
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import IO

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_LOWEST_PRIORITY = 19
_LINES = 1  # C: _IOLBF


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that `child.start` gives every child."""
    parser.add_argument("--core", type=int, help="run on this processor only")
    parser.add_argument("--parent", type=int, help="end when the process of this number ends")


def bind(core: int | None, parent: int | None, signal_number: int) -> None:
    """Stay on one processor, and get the signal of this number when the parent ends, or has ended already."""
    if core is not None:
        os.sched_setaffinity(0, {core})
    if parent is not None:
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal_number)
        if os.getppid() != parent:  # it ended before we could ask
            signal.raise_signal(signal_number)


def limit_memory(num_bytes: int) -> None:
    """Hold no more memory than this: what asks for more fails."""
    resource.setrlimit(resource.RLIMIT_DATA, (num_bytes, num_bytes))


def give_way(process_id: int = 0) -> None:
    """Let all others go first: the lowest priority, for this process or for that of this number."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process_id, _LOWEST_PRIORITY)


def own_output() -> IO[str]:
    """Standard output for what the parent reads, and nothing else.

    What an environment prints, in whatever language it is written, goes to standard error, which is the log: line by
    line, because a worker's end leaves it no time to write what it has kept back.
    """
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for number, name in enumerate(("stdout", "stderr"), 1):  # which others may close: the descriptors stay open
        if isinstance(usual := getattr(sys, name), io.TextIOWrapper):
            setattr(sys, name, os.fdopen(number, "w", 1, usual.encoding, "backslashreplace", closefd=False))
    with suppress(AttributeError, ValueError):  # another C library than Linux's
        libc = ctypes.CDLL(None)
        libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, _LINES, 0)
    return channel
