"""Children: the process of one run, started on a processor of its own; heard, stopped, and never left behind."""

import os
import platform
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sparserl.errors import UserError
from sparserl.processes.cores import Core, Gpu, allowed_cores, allowed_gpus, claim_core, claim_gpu, release
from sparserl.processes.outcomes import LOG_NAME

if TYPE_CHECKING:
    from sparserl.engine.settings import Settings

_LONGEST_LOG_BYTES = 65_536  # of what a worker said last, to find its last words in

_RUNNING: dict[int, "Child"] = {}  # the workers of this process, by process id; Dask workers have many threads


class Child(NamedTuple):
    """A worker's process; `unread` is the beginning of a line not yet whole, `log_start` where its log begins."""

    process: subprocess.Popen[bytes]
    core: Core
    gpu: Gpu | None
    unread: bytearray
    log_start: int

    def lines(self, timeout_seconds: float) -> list[bytes] | None:
        """The whole lines that have come within the timeout; None once the process has ended and all are read."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            ready = selector.select(timeout_seconds)
        ended = self.process.poll() is not None  # asked before reading: what it said last is there by now
        chunk = os.read(self.process.stdout.fileno(), 65_536) if ready else b""
        if ended and not chunk:
            return None
        if ready and not chunk:  # it closed its output, and lives on
            time.sleep(timeout_seconds)
        *lines, rest = bytes(self.unread + chunk).split(b"\n")
        self.unread[:] = rest
        return lines


def start(folders: Sequence[Path], settings: "Settings") -> Child:
    """Start the worker of a run, or of several side by side; it finds the modules that this process finds.

    It dies with the thread that starts it (Linux), so that thread must wait for it. What it says is in the first log.
    """
    folder, *others = folders
    folder.mkdir(parents=True, exist_ok=True)
    for other in others:
        other.mkdir(parents=True, exist_ok=True)
        with (other / LOG_NAME).open("a") as log:
            log.write(f"sparserl: trained beside {folder.name}, whose log says how that went\n")
    core, gpu = claim_core(allowed_cores()), _claim_gpu() if settings.gpu else None
    command = [
        sys.executable,
        *settings.program,
        *map(str, folders),
        "--core",
        str(core.number),
        "--parent",
        str(os.getpid()),
    ]
    command += _options(settings)
    with (folder / LOG_NAME).open("a") as log:
        log_start = log.tell()
        # A session of its own: Ctrl-C reaches the workers through us, once.
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, env=_environment(gpu), start_new_session=True
        )
    child = Child(process, core, gpu, bytearray(), log_start)
    _RUNNING[process.pid] = child
    return child


def stop(child: Child, patience_seconds: float) -> None:
    """Ask a worker to stop, kill it after its time, and whatever it started with it; harmless once it has ended."""
    if child.process.poll() is None:
        child.process.terminate()
        try:
            child.process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            child.process.kill()
    _kill_session(child.process.pid)
    child.process.wait()
    _RUNNING.pop(child.process.pid, None)
    if child.process.stdout is not None:
        child.process.stdout.close()
    release(child.core)
    if child.gpu is not None:
        release(child.gpu)


def kill_all() -> None:
    """Kill every worker of this process, without waiting for what they have not stored."""
    for process_id in list(_RUNNING):
        _kill_session(process_id)


def last_words(folder: Path, log_start: int) -> str:
    """The last line of a run's log that was meant for people, among those since `log_start` (bytes)."""
    with (folder / LOG_NAME).open("rb") as log:
        end = log.seek(0, os.SEEK_END)
        log.seek(max(log_start, end - _LONGEST_LOG_BYTES))
        lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
    told = [line.removeprefix("sparserl: ") for line in lines if line.startswith("sparserl: ")]
    return (told or lines or ["it said nothing"])[-1]


def _kill_session(process_id: int) -> None:
    """Kill a worker and all that it started: an environment may have left simulators behind."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process_id, signal.SIGKILL)


def _options(settings: "Settings") -> list[str]:
    values = {
        "--lease-seconds": settings.lease_seconds,
        "--checkpoint-seconds": settings.checkpoint_seconds,
        "--memory-limit-bytes": settings.memory_limit_bytes,
    }
    given = [word for option, value in values.items() if value is not None for word in (option, str(value))]
    return [*given, "--force"] if settings.force else given


def _claim_gpu() -> Gpu:
    if not (gpus := allowed_gpus()):
        raise UserError(f"there is no GPU on {platform.node()}: the study was asked to run on GPUs")
    return claim_gpu(gpus)


def _environment(gpu: Gpu | None) -> dict[str, str]:
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    devices = {} if gpu is None else {"JAX_PLATFORMS": "cuda,cpu", "CUDA_VISIBLE_DEVICES": gpu.name}
    return {**os.environ, "NPROC": "1", "PYTHONPATH": paths, **devices}
