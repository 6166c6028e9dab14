"""Processes: one-thread workers on cores of their own that measure the same cases at the same time."""

import contextlib
import dataclasses
import json
import os
import selectors
import subprocess
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Any, NamedTuple

from sparserl.bench.choices import BENCHES, BenchOptions, BreakEven
from sparserl.bench.results import Sample, document, rows
from sparserl.experiment import RunFailure
from sparserl.linalg import native
from sparserl.processes.child import Child, start, stop
from sparserl.processes.cores import Core, allowed_cores, claim_core
from sparserl.processes.log import last_words
from sparserl.processes.outcomes import WRONG
from sparserl.types import UserError

Say = Callable[[str], None]


class Worker(NamedTuple):
    """A running worker, where its errors go, and the lines it has printed so far."""

    child: Child
    errors: IO[bytes]
    lines: list[dict[str, Any]]


def run(options: BenchOptions, tell: Say) -> dict[str, Any]:
    """Measure in as many processes as the options ask for; one document for all. `tell(line)` shows progress.

    Raises UserError for what cannot be measured, RunFailure if a worker breaks.
    """
    cores = allowed_cores()
    num_processes = options.processes or len(cores)
    if num_processes > len(cores):
        raise UserError(f"this machine lets us use {len(cores)} cores", field="processes", value=num_processes)
    if isinstance(options, BreakEven) and (reason := native.unavailable_reason()):
        raise UserError(f"there is no break-even to measure: {reason}")
    by_worker = _all_lines(options, cores, num_processes, tell)
    notes = [line["note"] for lines in by_worker for line in lines if "note" in line]
    samples = [Sample(**line["sample"]) for lines in by_worker for line in lines if "sample" in line]
    break_even = [line["row"] for lines in by_worker for line in lines if "row" in line]
    keys = ("inputs", "outputs", "batch_size")
    return document(
        [*rows(samples), *sorted(break_even, key=lambda row: [row[key] for key in keys])], num_processes, notes
    )


def _all_lines(
    options: BenchOptions, cores: Sequence[int], num_processes: int, tell: Say
) -> list[list[dict[str, Any]]]:
    """All lines that each worker printed."""
    workers: list[Worker] = []
    free = list(cores)
    try:
        for index in range(num_processes):
            core = claim_core(free)
            free.remove(core.number)
            workers.append(_start(options, index, num_processes, core))
        _listen_to_all(workers, tell)
        for worker in workers:
            _check_end(worker)
    finally:
        with contextlib.ExitStack() as left:  # an interrupt while one is stopped spares no other
            for worker in workers:
                left.callback(worker.errors.close)
                left.callback(stop, worker.child)
    return [worker.lines for worker in workers]


def _start(options: BenchOptions, index: int, num_processes: int, core: Core) -> Worker:
    name = next(name for name, kind in BENCHES.items() if isinstance(options, kind))
    program = ["-P", "-m", "sparserl.bench.worker", name, json.dumps(dataclasses.asdict(options))]
    program += ["--index", str(index), "--of", str(num_processes)]
    errors = os.fdopen(os.memfd_create("errors"), "w+b")  # in memory: there may be no folder for temporary files
    pipe, on_cpu = subprocess.PIPE, {"JAX_PLATFORMS": "cpu"}
    child = start(program, core, stdin=pipe, stdout=pipe, stderr=errors, environment=on_cpu)
    return Worker(child, errors, [])


def _listen_to_all(workers: Sequence[Worker], tell: Say) -> None:
    """Read until all have ended. Waiting workers go on once all that run are waiting, so that all measure at once."""
    waiting: list[Worker] = []
    with selectors.DefaultSelector() as selector:
        for worker in workers:
            selector.register(_pipe(worker.child.process.stdout), selectors.EVENT_READ, worker)
        while running := [key.data for key in selector.get_map().values()]:
            if waiting and len(waiting) == len(running):
                tell(waiting[0].lines[-1]["waiting"])
                _let_go(waiting)
                waiting = []
            for ready, _ in selector.select():
                chunk = os.read(ready.fd, 65536)
                if not chunk:
                    selector.unregister(ready.fileobj)
                    if ready.data.child.process.wait():
                        return  # the others would measure in vain
                if _listen(ready.data, chunk, tell):
                    waiting.append(ready.data)


def _listen(worker: Worker, chunk: bytes, tell: Say) -> bool:
    """Keep every line that has arrived whole; True if the worker is now waiting."""
    lines = worker.child.whole_lines(chunk)
    worker.lines.extend(json.loads(line) for line in lines)
    for line in worker.lines[len(worker.lines) - len(lines) :]:
        if "doing" in line:
            tell(line["doing"])
    return bool(lines) and "waiting" in worker.lines[-1]


def _let_go(workers: Iterable[Worker]) -> None:
    for worker in workers:
        with contextlib.suppress(BrokenPipeError):  # it has ended, and its output says why
            os.write(_pipe(worker.child.process.stdin), b"\n")


def _pipe(pipe: IO[bytes] | None) -> int:
    assert pipe is not None
    return pipe.fileno()


def _check_end(worker: Worker) -> None:
    """Raise what ended a worker before it had done its work."""
    status = worker.child.process.poll()
    if not status:  # it has done all, or still runs because another worker broke
        return
    worker.errors.seek(0)
    message = last_words(worker.errors.read()) or f"a process ended with status {status}"
    raise UserError(message) if status == WRONG else RunFailure(f"bench: {message}")
