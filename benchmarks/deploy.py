"""What an action of an exported policy costs, by sparsity: bytes, instructions and time, of C beside C and libraries.

    .venv/bin/python benchmarks/deploy.py RUNS --output reproduction/deploy             # bytes and instructions
    .venv/bin/python benchmarks/deploy.py RUNS --output reproduction/deploy --latency   # latency, on an idle machine

RUNS is a results directory with finished runs, a dense one for each agent and environment among them. Each policy is
written in C with float32 and with int8 weights, compiled as scalar and as vector code, and, where arm-none-eabi-gcc and
qemu-system-arm are installed, run on an emulated Cortex-M4. Between the runs' sparsities stand random topologies (ERK)
with the dense run's weights: they tell where dense code is faster, and their actions mean nothing.

Bytes and instructions are the same at every run and on a busy machine. What was counted already is not counted again:
rows are added to costs.parquet as they come. Ends by writing results.md and costs.png from all rows.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deploy_results import write_results

from sparserl import persistence
from sparserl.deploy import builds, costs, instructions, latency, memory
from sparserl.deploy.c.compiled import compiler
from sparserl.deploy.c.writing import PREFIX
from sparserl.deploy.c.writing import write as write_c
from sparserl.deploy.loading import load_trained
from sparserl.deploy.peers import peers
from sparserl.deploy.policy import Policy
from sparserl.deploy.steps import Dense
from sparserl.experiment import RESULTS_VERSION
from sparserl.sparsity import erk

BOARD = Path(__file__).parent.parent / "reproduction" / "deploy" / "cortex_m4" / "run"
RANDOM_SPARSITIES = (0.3, 0.5, 0.6, 0.7)
WEIGHTS = ("float32", "int8")
SECONDS_A_CANDIDATE = 1.0
NUM_OBSERVATIONS = 32  # a divisor of the calls that instructions are counted of
NAMED = ("agent", "environment", "method", "sparsity", "weights", "build", "measure")  # what tells a row from others


class Source(NamedTuple):
    """A policy to be measured, and what it is."""

    agent: str
    environment: str
    method: str
    sparsity: float
    policy: Policy


class Gathered(NamedTuple):
    """The table of all numbers, whole on disk after each addition."""

    file: Path
    rows: list[dict[str, Any]]

    def has(self, source: Source, weights: str, build: str, measure: str) -> bool:
        wanted = (*source[:4], weights, build, measure)
        return any(tuple(row[name] for name in NAMED) == wanted for row in self.rows)

    def add(self, source: Source, weights: str, build: str, numbers: dict[str, float | None]) -> None:
        for measure, value in numbers.items():
            if value is not None and not self.has(source, weights, build, measure):
                about = zip(NAMED, (*source[:4], weights, build, measure), strict=True)
                self.rows.append({**dict(about), "value": float(value), "results_version": RESULTS_VERSION})
        written = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(self.rows), written)
        persistence.write_atomically(self.file, written.getvalue().to_pybytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--latency", action="store_true", help="measure latency, and nothing else")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    file = options.output / "costs.parquet"
    gathered = Gathered(file, pq.read_table(file).to_pylist() if file.exists() else [])
    found = list(sources(options.runs))
    for task in sorted({source[:2] for source in found}):
        of_task = [source for source in found if source[:2] == task]
        if options.latency:
            measure_latency(of_task, gathered)
        else:
            count_all(of_task, gathered)
    machine = {"results_version": RESULTS_VERSION, **persistence.machine_description()}
    write_results(options.output, gathered.rows, machine if options.latency else None)


def sources(runs: Path) -> Iterator[Source]:
    """The policies of all finished runs, and random topologies with the weights of the dense ones."""
    for status in sorted(runs.glob("*/seed=*/status.json")):
        if persistence.read_status(status.parent).status != "finished":
            continue
        trained = load_trained(status.parent)
        experiment, policy = trained.experiment, trained.policy
        sparsity = 0.0 if experiment.method_name == "dense" else experiment.sparsity
        about = experiment.agent_name, experiment.environment, experiment.method_name, sparsity
        yield Source(*about, policy)
        if experiment.method_name == "dense":
            for sparsity in RANDOM_SPARSITIES:
                yield Source(*about[:2], "random", sparsity, pruned(policy, sparsity))


def pruned(policy: Policy, sparsity: float) -> Policy:
    """The policy with a random topology of this sparsity (ERK), always the same."""
    random = np.random.default_rng(0)
    layers = {step.name: step for step in policy.steps if isinstance(step, Dense)}
    sparsities = erk({name: layer.kernel.shape for name, layer in layers.items()}, sparsity)
    steps = []
    for step in policy.steps:
        if isinstance(step, Dense):
            live = random.random(step.kernel.shape) >= sparsities[step.name]
            step = step._replace(kernel=np.where(live, step.kernel, np.float32(0)), live=live)
        steps.append(step)
    return policy._replace(steps=tuple(steps))


def observations_of(policy: Policy) -> np.ndarray:
    """Numbers of the size that the policy was trained on."""
    drawn = np.random.default_rng(0).standard_normal((NUM_OBSERVATIONS, policy.num_features)).astype(np.float32)
    if policy.normalizer is not None:
        drawn = drawn * policy.normalizer.scale + policy.normalizer.mean
    return drawn.reshape(NUM_OBSERVATIONS, *policy.observation_shape)


def count_all(found: list[Source], gathered: Gathered) -> None:
    """Bytes and instructions of every source, and of the emulated board where that can be had."""
    reasons = [reason for reason in (memory.unavailable_reason(), instructions.unavailable_reason()) if reason]
    if reasons:
        sys.exit("; ".join(reasons))
    emulated = all(map(shutil.which, ("arm-none-eabi-gcc", "qemu-system-arm")))
    for source in found:
        for weights in WEIGHTS:
            with tempfile.TemporaryDirectory() as folder:
                _count(source, weights, Path(folder), gathered, emulated)
        print(*source[:4], "counted", file=sys.stderr)


def _count(source: Source, weights: Any, folder: Path, gathered: Gathered, emulated: bool) -> None:
    written = write_c(source.policy, folder, weights)
    c_file = next(file for file in written if file.name == f"{PREFIX}.c")
    for build in builds.BUILDS:
        if not gathered.has(source, weights, build.name, "instructions"):
            compiled = memory.memory_of([*compiler(), *build.flags, costs.WITHOUT_TEST], c_file, folder)
            harness = builds.built(source.policy, c_file, build.flags_for_counting, folder / build.name)
            counted = instructions.an_action(harness.command(observations_of(source.policy)))
            gathered.add(source, weights, build.name, {**compiled.as_json(), "instructions": counted})
    if emulated and not gathered.has(source, weights, "cortex-m4", "instructions"):
        gathered.add(source, weights, "cortex-m4", on_board(folder))
    live = sum(int(step.live.sum()) for step in source.policy.steps if isinstance(step, Dense))
    gathered.add(source, weights, "all", {"live_weights": live})


def on_board(folder: Path) -> dict[str, float | None]:
    """What the self-test on the emulated Cortex-M4 prints; on one with more flash where the policy does not fit."""
    small = subprocess.run([BOARD, folder], capture_output=True, text=True)
    larger = os.environ | {"FLASH": "4096K"}
    done = (
        small if small.returncode == 0 else subprocess.run([BOARD, folder], capture_output=True, text=True, env=larger)
    )
    told = dict(line.split() for line in done.stdout.splitlines() if len(line.split()) == 2)
    if told.get("passed") != "1":
        sys.exit(f"the self-test failed on the emulated board: {done.stdout}{done.stderr}")
    numbers = {
        "text_bytes": float(told["text_bytes"]),
        "ram_bytes": float(told["data_bytes"]) + float(told["bss_bytes"]) + float(told["stack_bytes"]),
        "instructions": float(told["instructions_an_action"]),
    }
    return {**numbers, "fits": float(small.returncode == 0)}


def measure_latency(found: list[Source], gathered: Gathered) -> None:
    """Latency of every source in C, and of the libraries, which take turns; each source by itself beside libraries."""
    for source in found:
        if gathered.has(source, "float32", "vector", "p50_seconds"):
            continue
        seen, libraries = observations_of(source.policy), peers(source.policy)
        with tempfile.TemporaryDirectory() as name:
            calls = _calls_in_c(source, Path(name), seen)
            calls |= {("float32", each): latency.in_python(act, seen) for each, act in libraries.acts.items()}
            named = {"|".join(key): value for key, value in calls.items()}
            measured = latency.measure(named, SECONDS_A_CANDIDATE * len(calls))
        for (weights, build), told in zip(calls, measured.values(), strict=True):
            gathered.add(source, weights, build, {"p50_seconds": told.p50_seconds, "p99_seconds": told.p99_seconds})
        print(*source[:4], "timed", *libraries.notes, file=sys.stderr)


def _calls_in_c(source: Source, folder: Path, seen: np.ndarray) -> dict[tuple[str, str], latency.Calls]:
    calls = {}
    for weights in WEIGHTS:
        written = write_c(source.policy, folder / weights, weights)  # type: ignore[arg-type]
        c_file = next(file for file in written if file.name == f"{PREFIX}.c")
        for build in builds.BUILDS:
            harness = builds.built(source.policy, c_file, build.flags, folder / weights / build.name)
            calls[weights, build.name] = harness.timed(seen)
    return calls


if __name__ == "__main__":
    main()
