"""Calibration: how fast a few representative experiments run here, each measured in a process of its own on one core.

What was measured is kept in the user's cache by machine and experiment. `python -m sparserl.study.calibration CHOICES`
measures the experiment of these choices, a JSON document, and prints a line of JSON.
"""

import argparse
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sparserl import persistence
from sparserl.experiment import Experiment
from sparserl.processes import binding
from sparserl.processes.child import Child, start, stop
from sparserl.processes.cores import Core, allowed_cores, claim_core
from sparserl.processes.places import user_cache
from sparserl.study.measuring import measure
from sparserl.types import UserError
from sparserl.worker.compilation import use_compilation_cache

MEASURED_SECONDS = 1.5  # of training, per experiment
LONGEST_SECONDS = 120  # of computing in a measuring process, which takes longer where others compute, too
LEAST_SHARE = 0.85  # of a processor that a measurement must have had to be kept
LONGEST_WAIT_SECONDS = 600  # of a measuring process, whatever happens


class Measurement(NamedTuple):
    """Seconds until a run is compiled and under way, and of its steps (`measuring.Pace`)."""

    start_seconds: float
    step_seconds: float
    evaluation_step_seconds: float


class Calibration(NamedTuple):
    """Measurements by experiment id, how many of them were made just now, and how long that took.

    `num_disturbed` of these had less than `LEAST_SHARE` of a processor.
    """

    measurements: Mapping[str, Measurement]
    num_new: int = 0
    seconds: float = 0.0
    num_disturbed: int = 0


def calibrate(experiments: Sequence[Experiment], budget_seconds: float) -> Calibration:
    """Measure experiments, one per core at a time, until none is to begin within `budget_seconds` any more.

    Those in the cache are not measured again. One whose process fails is left out: running it will tell why. What was
    measured while others used the processor is not kept for another time.
    """
    known, began = remembered(experiments).measurements, time.monotonic()
    missing = [experiment for experiment in experiments if experiment.identifier not in known]
    if not missing:
        return Calibration(known)
    new = _measure_all(missing, began + budget_seconds)
    undisturbed = {identifier: each for identifier, (each, share) in new.items() if share >= LEAST_SHARE}
    _keep(undisturbed)
    measured = {identifier: each for identifier, (each, _) in new.items()}
    return Calibration({**known, **measured}, len(new), time.monotonic() - began, len(new) - len(undisturbed))


def remembered(experiments: Iterable[Experiment]) -> Calibration:
    """What the cache has of these experiments; nothing is measured."""
    if (folder := _cache()) is None:
        return Calibration({})
    paths = {experiment.identifier: folder / f"{experiment.identifier}.json" for experiment in experiments}
    kept = {identifier: _cached(path) for identifier, path in paths.items() if path.exists()}
    return Calibration({identifier: each for identifier, each in kept.items() if each is not None})


def _measure_all(experiments: Sequence[Experiment], deadline: float) -> dict[str, tuple[Measurement, float]]:
    """Measurements by experiment id, each with the share of a processor that it had."""
    waiting, measured = list(experiments), dict[str, tuple[Measurement, float]]()
    free, running = allowed_cores(), dict[int, tuple[str, float, Child]]()
    try:
        while running or (waiting and time.monotonic() < deadline):
            while waiting and free and time.monotonic() < deadline:
                experiment, core = waiting.pop(0), claim_core(free)
                free.remove(core.number)
                running[core.number] = experiment.identifier, time.monotonic(), _start(experiment, core)
            time.sleep(0.05)
            for number, (identifier, began, child) in list(running.items()):
                if child.process.poll() is None:
                    continue
                if (measurement := _read(child, time.monotonic() - began)) is not None:
                    measured[identifier] = measurement
                del running[number]
                stop(child)
                free.append(number)
    finally:
        with contextlib.ExitStack() as left:  # an interrupt while one is stopped spares no other
            for _, _, child in running.values():
                left.callback(stop, child)
    return measured


def _start(experiment: Experiment, core: Core) -> Child:
    program = ["-P", "-m", "sparserl.study.calibration", json.dumps(experiment.choices())]
    on_cpu = {"JAX_PLATFORMS": "cpu"}
    return start(program, core, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, environment=on_cpu)


def _read(child: Child, seconds: float) -> tuple[Measurement, float] | None:
    """What a measuring process said, with its share; all its time but what it measured is the start of a run."""
    assert child.process.stdout is not None
    words = child.process.stdout.read().splitlines()
    if child.process.returncode or not words:
        return None
    pace = json.loads(words[-1])
    start_seconds = max(seconds - pace["measured_seconds"], 0.0)
    measured = Measurement(start_seconds, pace["step_seconds"], pace["evaluation_step_seconds"])
    return measured, float(pace["processor_share"])


def _cached(path: Path) -> Measurement | None:
    try:
        document = persistence.read_document(path)
        return Measurement(**{name: float(document[name]) for name in Measurement._fields})
    except (UserError, KeyError, TypeError, ValueError):  # a damaged cache only costs time
        path.unlink(missing_ok=True)
        return None


def _keep(measurements: Mapping[str, Measurement]) -> None:
    if (folder := _cache()) is None:
        return
    for identifier, measurement in measurements.items():
        with contextlib.suppress(UserError):  # a cache that cannot be written only costs time
            persistence.write_document(folder / f"{identifier}.json", measurement._asdict())


def _cache() -> Path | None:
    """Where measurements of this machine and its software are kept, if anywhere."""
    if (cache := user_cache()) is None:
        return None
    machine = persistence.machine_description()
    known = {name: machine[name] for name in ("cpu_model", "cpu_generation", "cpu_features", "num_cores", "packages")}
    digest = hashlib.sha256(persistence.canonical_json(known).encode()).hexdigest()[:8]
    return cache / "calibration" / digest


def main() -> None:
    """Measure one experiment in this process."""
    signal.setitimer(signal.ITIMER_PROF, LONGEST_SECONDS)  # ends the process, as the alarm does
    signal.alarm(LONGEST_WAIT_SECONDS)
    parser = argparse.ArgumentParser(prog="python -m sparserl.study.calibration", description=__doc__)
    parser.add_argument("choices", metavar="CHOICES", type=json.loads)
    binding.add_options(parser)
    options, channel = parser.parse_args(), binding.own_output()
    binding.bind(options.core, options.parent, signal.SIGKILL)
    use_compilation_cache()
    pace = measure(Experiment.from_choices(options.choices), MEASURED_SECONDS)
    print(json.dumps(pace._asdict()), file=channel, flush=True)


if __name__ == "__main__":
    main()
    os._exit(0)  # an orderly end would first wait for what the compiled program still computes
