"""Rates: the pace of several experiments, each measured in processes of their own on one core, in turns.

As many are measured at once as there are cores, as a study trains its runs; rounds begin at different experiments, so
that not always the same ones share the memory of the machine.
"""

import contextlib
import dataclasses
import json
import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

from sparserl import persistence
from sparserl.bench.clock import Clock
from sparserl.bench.pace import Pace, PaceOptions
from sparserl.experiment import RESULTS_VERSION, Experiment, RunFailure
from sparserl.linalg import native
from sparserl.processes.child import Child, start, stop
from sparserl.processes.cores import allowed_cores, claim_core
from sparserl.processes.log import last_words
from sparserl.processes.outcomes import WRONG
from sparserl.types import UserError

_LOOK_SECONDS = 0.1  # between looks at what has ended: the cores are for what is measured


@dataclasses.dataclass(frozen=True)
class RateOptions:
    """How often each experiment is measured, on how many cores at once (None: all), and how each time."""

    repeats: int = 3
    processes: int | None = None
    pace: PaceOptions = PaceOptions()

    def __post_init__(self) -> None:
        for name in ("repeats", "processes"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise UserError("it must be at least 1", field=name, value=value)


class _Running(NamedTuple):
    name: str
    child: Child
    output: IO[bytes]
    errors: IO[bytes]


def measured(
    experiments: Mapping[str, Experiment], options: RateOptions, say: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """A document after each round, with all that was measured until then; `say(line)` shows progress.

    Raises UserError for what cannot be measured, RunFailure where a process breaks; all others are ended then.
    """
    cores = allowed_cores()
    if options.processes is not None and options.processes > len(cores):
        raise UserError(f"this machine lets us use {len(cores)} cores", field="processes", value=options.processes)
    paces: dict[str, list[Pace]] = {name: [] for name in experiments}
    names = list(experiments)
    for index in range(options.repeats):
        first = index * len(names) // options.repeats
        turns = {name: experiments[name] for name in (*names[first:], *names[:first])}
        for name, pace in _round(turns, cores[: options.processes], options.pace):
            paces[name].append(pace)
            rate = 1 / statistics.mean(pace.step_seconds)
            say(f"[{index + 1}/{options.repeats}] {name}: {rate:,.0f} steps/s")
        yield _document(experiments, paces, options, len(cores[: options.processes]))


def _round(
    experiments: Mapping[str, Experiment], cores: Sequence[int], options: PaceOptions
) -> Iterator[tuple[str, Pace]]:
    """Each experiment once; what has ended, as it does."""
    waiting, free, running = deque(experiments), list(cores), list[_Running]()
    try:
        while waiting or running:
            while waiting and free:
                core = claim_core(free)
                free.remove(core.number)
                name = waiting.popleft()
                running.append(_start(name, experiments[name], core, options))
            time.sleep(_LOOK_SECONDS)
            for each in [each for each in running if each.child.process.poll() is not None]:
                pace = _read(each)
                running.remove(each)
                _stop(each)
                assert each.child.core is not None
                free.append(each.child.core.number)
                yield each.name, pace
    finally:
        with contextlib.ExitStack() as left:  # an interrupt while one is stopped spares no other
            for each in running:
                left.callback(_stop, each)


def _start(name: str, experiment: Experiment, core: Any, options: PaceOptions) -> _Running:
    words = [json.dumps(experiment.choices()), json.dumps(dataclasses.asdict(options))]
    program = ["-P", "-m", "sparserl.bench.pace", *words, "--began", str(time.monotonic())]
    output, errors = (os.fdopen(os.memfd_create(kind), "w+b") for kind in ("output", "errors"))
    child = start(program, core, stdout=output, stderr=errors, environment={"JAX_PLATFORMS": "cpu"})
    return _Running(name, child, output, errors)


def _stop(running: _Running) -> None:
    stop(running.child)
    running.output.close()
    running.errors.close()


def _read(running: _Running) -> Pace:
    """What a process has measured. Raises what ended it before."""
    status = running.child.process.returncode
    running.output.seek(0)
    if status == 0 and (lines := running.output.read().splitlines()):
        return Pace(**json.loads(lines[-1]))
    running.errors.seek(0)
    message = last_words(running.errors.read()) or f"its process ended with status {status}"
    raise UserError(f"{running.name}: {message}") if status == WRONG else RunFailure(f"{running.name}: {message}")


def _document(
    experiments: Mapping[str, Experiment], paces: Mapping[str, Sequence[Pace]], options: RateOptions, num: int
) -> dict[str, Any]:
    available = native.unavailable_reason() is None
    machine = {**persistence.machine_description(), "instruction_set": native.instruction_set() if available else None}
    settings = {**dataclasses.asdict(options.pace), "processes": num, "repeats": options.repeats}
    rows = [_row(name, experiments[name], each) for name, each in paces.items()]
    return {"results_version": RESULTS_VERSION, "machine": machine, "settings": settings, "rows": rows}


def _row(name: str, experiment: Experiment, paces: Sequence[Pace]) -> dict[str, Any]:
    """Medians over rounds; the rate is that of a whole run, its spread that of single rounds."""
    middle = lambda of: statistics.median(map(of, paces))
    parts = [statistics.median(each) for each in zip(*(pace.step_seconds for pace in paces), strict=True)]
    return {
        "name": name,
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "environment": experiment.environment,
        "steps_per_second": Clock(tuple(parts)).steps_per_second,
        "steps_per_second_of_rounds": [Clock(tuple(pace.step_seconds)).steps_per_second for pace in paces],
        "step_seconds": parts,
        "start_seconds": middle(lambda pace: pace.start_seconds),
        "relayout_seconds": middle(lambda pace: pace.relayout_seconds),
        "evaluation_seconds": middle(lambda pace: pace.evaluation_seconds),
        "peak_bytes": round(middle(lambda pace: pace.peak_bytes)),
        "network_bytes": list(paces[0].network_bytes),
    }
