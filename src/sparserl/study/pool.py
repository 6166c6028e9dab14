"""The pool: many runs at once, one worker process per core."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sparserl import persistence
from sparserl.study.cores import Core, allowed_cores, claim_core, release_core

STOP_SECONDS = 7.0  # how long interrupted workers may take to store what they have
LOG_NAME = "log.txt"


class Progress(NamedTuple):
    """What a worker told of its run; fields may be None before they are known."""

    environment_steps: int
    environment_steps_per_second: float | None
    last_return: float | None
    live_density: float
    evaluation_return: float | None


class Outcome(NamedTuple):
    """How a worker ended: its exit status, and if that is not 0 the cause in one line."""

    run_folder: Path
    exit_status: int
    message: str


class Worker(NamedTuple):
    """A running worker; `unread` is the beginning of a line not yet whole, `log_start` where its log begins."""

    run_folder: Path
    process: subprocess.Popen[bytes]
    core: Core
    unread: bytearray
    log_start: int


Tell = Callable[[Path, Progress], None]


def run_all(run_folders: Sequence[Path], tell: Tell, num_processes: int | None = None) -> list[Outcome]:
    """Run a worker for each folder, as many at once as there are cores, and return how each ended, in the same order.

    `tell(run_folder, progress)` is called in this process. A run that fails leaves the others alone. On
    KeyboardInterrupt all workers are asked to stop, and the interrupt goes on once they have stored what they had.
    Raises UserError where a folder cannot be written, before any run begins.
    """
    for folder in run_folders:
        _make_writable(folder)
    waiting, free, workers = deque(run_folders), allowed_cores()[:num_processes], dict[Path, Worker]()
    outcomes: dict[Path, Outcome] = {}
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or workers:
                while waiting and free:
                    worker = _start(waiting.popleft(), claim_core(free))
                    workers[worker.run_folder] = worker
                    free.remove(worker.core.number)
                    selector.register(_output(worker), selectors.EVENT_READ, worker)
                for ready, _ in selector.select(timeout=1.0):
                    if not _listen(ready.data, tell):
                        selector.unregister(ready.fileobj)
                        worker = workers.pop(ready.data.run_folder)
                        outcomes[worker.run_folder] = _finish(worker)
                        free.append(worker.core.number)
        except BaseException:
            _stop_all(workers.values())
            raise
    return [outcomes[folder] for folder in run_folders]


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOG_NAME).open("a").close()
    except OSError as error:
        raise persistence.UserError(f"cannot write {folder}: {error.strerror}") from error


def _start(folder: Path, core: Core) -> Worker:
    """Start a worker that finds the modules that this process finds, wherever it was started."""
    command = [sys.executable, "-P", "-m", "sparserl.study.worker", str(folder.absolute())]
    command += ["--core", str(core.number), "--parent", str(os.getpid())]
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    environment = {**os.environ, "NPROC": "1", "PYTHONPATH": paths}
    with (folder / LOG_NAME).open("a") as log:
        log_start = log.tell()
        # A session of its own: Ctrl-C reaches the workers through us, once.
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment, start_new_session=True)
    return Worker(folder, process, core, bytearray(), log_start)


def _output(worker: Worker) -> int:
    assert worker.process.stdout is not None
    return worker.process.stdout.fileno()


def _listen(worker: Worker, tell: Tell) -> bool:
    """Pass on every line that has come whole; False at the end of what the worker says."""
    chunk = os.read(_output(worker), 65536)
    *lines, rest = bytes(worker.unread + chunk).split(b"\n")
    worker.unread[:] = rest
    for line in lines:
        tell(worker.run_folder, Progress(**json.loads(line)))
    return bool(chunk)


def _finish(worker: Worker) -> Outcome:
    status = worker.process.wait()
    _release(worker)
    if status < 0:
        hint = ", for lack of memory perhaps" if status == -signal.SIGKILL else ""
        message = f"its process was killed by {signal.Signals(-status).name}{hint}"
        _record(worker, "failed", message)
    else:
        message = _last_words(worker) if status else ""
    return Outcome(worker.run_folder, status, message)


def _release(worker: Worker) -> None:
    release_core(worker.core)
    if worker.process.stdout is not None:
        worker.process.stdout.close()


def _record(worker: Worker, status: str, message: str) -> None:
    """Write the status that a killed worker could not write any more."""
    pid = worker.process.pid
    try:
        last = persistence.read_status(worker.run_folder) or persistence.Status("running", process_id=pid)
        if last.status == "running" and last.process_id == pid:
            persistence.write_status(worker.run_folder, last._replace(status=status, message=message))
    except persistence.UserError as error:
        print(f"sparserl: {error}", file=sys.stderr)


def _last_words(worker: Worker) -> str:
    log = (worker.run_folder / LOG_NAME).read_bytes()[worker.log_start :].decode(errors="replace")
    lines = [line for line in log.splitlines() if line.strip()]
    told = [line.removeprefix("sparserl: ") for line in lines if line.startswith("sparserl: ")]
    return (told or lines or ["it said nothing"])[-1]


def _stop_all(workers: Iterable[Worker]) -> None:
    """Ask all to stop; kill those that have not after STOP_SECONDS, or at a second interrupt."""
    workers = list(workers)
    for worker in workers:
        worker.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for worker in workers:
        try:
            worker.process.wait(max(deadline - time.monotonic(), 0.0))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            deadline = 0.0
            worker.process.kill()
            worker.process.wait()
        _release(worker)
        _record(worker, "interrupted", "stopped by the user")
