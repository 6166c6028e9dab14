"""Children: the process of a run, on a processor of its own; it is heard, stopped, and never left behind."""

import os
import platform
import selectors
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sparserl import modules
from sparserl.engine.settings import Settings
from sparserl.errors import UserError
from sparserl.processes import child, log
from sparserl.processes.child import Child
from sparserl.processes.cores import Gpu, allowed_cores, allowed_gpus, claim_core, claim_gpu, release
from sparserl.processes.outcomes import LOG_NAME

_LONGEST_LOG_BYTES = 65_536  # of what a worker said last, to find its last words in

_RUNNING: dict[int, Child] = {}  # the workers of this process, by process id; Dask workers have many threads
_KILLED: set[int] = set()  # those of them that `kill_all` has ended


class RunProcess(NamedTuple):
    """The process of a run, or of several side by side, since when it is there, and where its part of a log begins."""

    child: Child
    gpu: Gpu | None
    log_start: int
    began: float

    def lines(self, timeout_seconds: float) -> list[bytes] | None:
        """The whole lines that have come within the timeout; None once the process has ended and all are read."""
        process = self.child.process
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            ready = selector.select(timeout_seconds)
        ended = process.poll() is not None  # asked before reading: what it said last is there by now
        chunk = os.read(process.stdout.fileno(), 65_536) if ready else b""
        if ended and not chunk:
            return None
        if ready and not chunk:  # it closed its output, and lives on
            time.sleep(timeout_seconds)
        return self.child.whole_lines(chunk)


def start(folders: Sequence[Path], settings: Settings) -> RunProcess:
    """Start the worker of a run, or of several side by side; what it says is in the first one's log.

    It dies with the thread that starts it (Linux), so that thread must wait for it.
    """
    folder, *others = folders
    folder.mkdir(parents=True, exist_ok=True)
    for other in others:
        other.mkdir(parents=True, exist_ok=True)
        with (other / LOG_NAME).open("a") as file:
            file.write(f"sparserl: trained beside {folder.name}, whose log says how that went\n")
    for place in settings.module_folders:
        modules.look_last_in(place)
    program = [*settings.program, *map(str, folders), *_options(settings)]
    gpu = _claim_gpu() if settings.gpu else None
    devices = {"JAX_PLATFORMS": "cuda,cpu", "CUDA_VISIBLE_DEVICES": gpu.name} if gpu else None
    with (folder / LOG_NAME).open("ab") as file:
        log_start, core = file.tell(), claim_core(allowed_cores())
        started = child.start(program, core, stdout=subprocess.PIPE, stderr=file, environment=devices)
    _RUNNING[started.process.pid] = started
    return RunProcess(started, gpu, log_start, time.monotonic())


def end(worker: RunProcess, patience_seconds: float) -> list[bytes]:
    """Ask a worker to stop, kill it after its time, and whatever it started with it; the last lines that it said."""
    process, said = worker.child.process, bytearray()
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience_seconds)
    if process.stdout is not None:
        os.set_blocking(process.stdout.fileno(), False)  # what it has started may hold the other end
        with suppress(BlockingIOError):
            while chunk := os.read(process.stdout.fileno(), 65_536):
                said += chunk
    stop(worker)
    return worker.child.whole_lines(bytes(said))


def stop(worker: RunProcess) -> None:
    """Kill a worker and whatever it started; harmless once it has ended."""
    child.stop(worker.child)
    _RUNNING.pop(worker.child.process.pid, None)
    _KILLED.discard(worker.child.process.pid)
    if worker.gpu is not None:
        release(worker.gpu)


def kill_all() -> None:
    """Kill every worker of this process, without waiting for what they have not stored."""
    for process_id in list(_RUNNING):
        _KILLED.add(process_id)
        child.kill_session(process_id)


def was_killed(worker: RunProcess) -> bool:
    """Whether it was us who killed it: that is no failure of its run."""
    return worker.child.process.pid in _KILLED


def last_words(folder: Path, log_start: int) -> str:
    """The last line of a run's log that was meant for people, among those since `log_start` (bytes)."""
    with (folder / LOG_NAME).open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(log_start, end - _LONGEST_LOG_BYTES))
        return log.last_words(file.read()) or "it said nothing"


def _options(settings: Settings) -> list[str]:
    values = {
        "--lease-seconds": settings.lease_seconds,
        "--hang-seconds": settings.hang_seconds,
        "--checkpoint-seconds": settings.checkpoint_seconds,
        "--memory-limit-bytes": settings.memory_limit_bytes,
    }
    given = [word for option, value in values.items() if value is not None for word in (option, str(value))]
    noise = ",".join(map(repr, settings.observation_noise))
    given += ["--observation-noise", noise] if noise else []
    given += [] if settings.resume == "auto" else ["--resume", settings.resume]
    return [*given, "--force"] if settings.force else given


def _claim_gpu() -> Gpu:
    if not (gpus := allowed_gpus()):
        raise UserError(f"there is no GPU on {platform.node()}: the study was asked to run on GPUs")
    return claim_gpu(gpus)
