"""Child: a Python program in a process of its own, on its own core and in its own session, with one thread to compute.

A session of its own, because Ctrl-C is meant for the parent, which stops each child once and with all that it started.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, NamedTuple

from sparserl.processes import ambient
from sparserl.processes.cores import Core, release

Stream = int | IO[bytes] | IO[str] | None


class Child(NamedTuple):
    """A running child; `core` is None where it may run on all, `unread` begins a line that is not whole yet."""

    process: subprocess.Popen[bytes]
    core: Core | None
    unread: bytearray

    def whole_lines(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk`, read from its output, brings to their ends."""
        *lines, rest = bytes(self.unread + chunk).split(b"\n")
        self.unread[:] = rest
        return lines


def start(
    program: Sequence[str],
    core: Core | None,
    *,
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream,
    stderr: Stream,
    environment: Mapping[str, str] | None = None,
) -> Child:
    """Start `python PROGRAM ... --core N --parent PID`; it finds the modules that this process finds.

    The child has to understand both options (`binding.add_options`). On Linux it dies with the thread that started it,
    so that thread has to wait for it.
    """
    command = [sys.executable, *program, "--parent", str(os.getpid())]
    if core is not None:
        command += ["--core", str(core.number)]
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    variables = {**ambient.settled(os.environ), "PYTHONPATH": paths, **(environment or {})}
    process = subprocess.Popen(
        command, stdin=stdin, stdout=stdout, stderr=stderr, env=variables, start_new_session=True
    )
    return Child(process, core, bytearray())


def stop(child: Child, patience_seconds: float = 0.0) -> None:
    """Ask a child to stop, kill it after its time, and whatever it started with it; harmless once it has ended."""
    process = child.process
    try:
        if patience_seconds > 0.0 and process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience_seconds)
    finally:
        kill_session(process.pid)
        reap(process)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    if child.core is not None:
        release(child.core)


def reap(process: subprocess.Popen[bytes], patience_seconds: float | None = None) -> None:
    """Wait for a process that was killed; once patience ends, or at an interrupt, a thread waits for it instead.

    It may hang in the kernel, as on a lost disk, and must not be forgotten: a zombie would be left, and Python warns.
    """
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_seconds)
    finally:
        if process.returncode is None:
            threading.Thread(target=process.wait, daemon=True).start()


def kill_session(process_id: int) -> None:
    """Kill a child and all that it started: an environment may have left simulators behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process_id, signal.SIGKILL)
