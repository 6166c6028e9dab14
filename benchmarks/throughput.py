"""How many environment steps a second the whole machine trains: ours beside Stable-Baselines3 and SBX.

    .venv/bin/python benchmarks/throughput.py dqn|sac|ppo|pixels --output throughput.json

Equal settings for all. DQN: CartPole-v1, 2 x 512 ReLU, Adam 1e-3, batch 128, one update per step after 1,000 warm-up
steps, replay 100,000, target copied every 100 updates, epsilon 0.1. SAC and PPO: HalfCheetah-v5 at the defaults of
Stable-Baselines3, which our preset `sb3` copies. Pixels: DQN on Atari's Pong with sticky actions, the peers' CnnPolicy
(no padding), one update of 32 transitions every 4 steps, Adam 2.5e-4, replay 10,000. No evaluation. Each peer is run in
two layouts: one process with all threads, and one process of one thread on every core. Ours is run in the second, as
`sparserl train` does: dense, and with RigL at 90 % sparsity in automatic storage.

All processes of a layout start together and train until the last of them is past `--settle-steps`, and `--seconds`
longer. Their rate is that of the time in which all of them have settled and none has ended: the sum over processes of
steps done, over that time. Candidates take
turns, `--repeats` times; medians count. Makes the peers' virtual environment itself. Needs Linux.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
WORKER = HERE / "throughput_worker.py"
PEERS = (
    "stable-baselines3==2.9.*",
    "sbx-rl==0.28.*",
    "gymnasium[mujoco]<1.4",
    "mujoco==3.5.*",
    "ale-py==0.12.*",
    "opencv-python-headless",
)
OURS = "sparserl"
ENVIRONMENTS = {"dqn": "CartPole-v1", "sac": "HalfCheetah-v5", "ppo": "HalfCheetah-v5", "pixels": "atari:Pong"}
SETTLE_STEPS = {"dqn": 2_000, "sac": 400, "ppo": 3 * 2_048, "pixels": 1_200}  # warm-up and compilation are over
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NPROC": "1"}

Marks = list[tuple[float, int]]  # seconds on the monotonic clock, environment steps done by then


class Candidate(NamedTuple):
    """A project, whether it runs as one process with all threads or one of one thread per core, its sparsity."""

    project: str
    per_core: bool
    sparsity: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.project}, {self.sparsity:.0%} sparse" if self.sparsity else self.project

    @property
    def layout(self) -> str:
        return "one process per core" if self.per_core else "one process, all threads"


CANDIDATES = (
    Candidate("stable-baselines3", per_core=False),
    Candidate("stable-baselines3", per_core=True),
    Candidate("sbx", per_core=False),
    Candidate("sbx", per_core=True),
    Candidate(OURS, per_core=True),
    Candidate(OURS, per_core=True, sparsity=0.9),
)


def main() -> None:
    options = _options()
    peers = make_peers(options.peers, options.torch)
    rates: dict[Candidate, list[float]] = {candidate: [] for candidate in CANDIDATES}
    for repeat in range(options.repeats):
        for candidate in CANDIDATES:
            python = sys.executable if candidate.project == OURS else str(peers)
            rate = throughput(measure(candidate, python, options), options.settle_steps, options.seconds)
            rates[candidate].append(rate)
            print(
                f"[{repeat + 1}/{options.repeats}] {candidate.name}, {candidate.layout}: {rate:,.0f} steps/s",
                file=sys.stderr,
            )
    from sparserl.experiment import RESULTS_VERSION  # after measuring: JAX takes its time and threads

    about = {"results_version": RESULTS_VERSION, "settings": _settings(options), "machine": _machine(peers)}
    report = summary(rates) | about
    _show(report)
    if options.output:
        options.output.write_text(json.dumps(report, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=ENVIRONMENTS)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each process trains when it has settled")
    parser.add_argument("--settle-steps", type=int, help="steps before measuring: warm-up, compilation")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", type=Path, default=HERE / ".venv", help="the peers' virtual environment")
    parser.add_argument("--torch", default="torch==2.13.*", help="what to install as PyTorch")
    parser.add_argument("--output", type=Path, help="write all numbers to this JSON file")
    options = parser.parse_args()
    options.settle_steps = options.settle_steps or SETTLE_STEPS[options.task]
    return options


def make_peers(folder: Path, torch: str) -> Path:
    """The Python of the peers' virtual environment in `folder`, made at the first call and when requirements change."""
    python, stamp, wanted = folder / "bin" / "python", folder / "requirements.txt", "\n".join((torch, *PEERS))
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"setting up the peers in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "-qq", "install", torch, *PEERS], check=True)
        stamp.write_text(wanted)
    return python


def measure(candidate: Candidate, python: str, options: argparse.Namespace) -> list[Marks]:
    """Run all processes of a candidate at once; the marks of each."""
    cores = sorted(os.sched_getaffinity(0)) if candidate.per_core else [None]
    processes = [_start(candidate, python, options, seed, core) for seed, core in enumerate(cores)]
    if (outputs := side_by_side(processes)) is None:
        sys.exit(f"{candidate.name}, {candidate.layout}: a process failed; see above")
    return [[(seconds, steps) for seconds, steps in json.loads(output)["marks"]] for output in outputs]


def side_by_side(processes: list[subprocess.Popen[str]]) -> list[str] | None:
    """What each prints last: all go on once the last of them has printed a line. None, and all are ended, where not."""
    try:
        if not all(process.stdout and process.stdout.readline() for process in processes):
            return None
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        outputs = [process.communicate()[0] for process in processes]
        return None if any(process.returncode for process in processes) else outputs
    finally:
        for process in processes:
            with process:
                process.kill()


def _start(
    candidate: Candidate, python: str, options: argparse.Namespace, seed: int, core: int | None
) -> subprocess.Popen[str]:
    command = [python, str(WORKER), candidate.project, options.task, ENVIRONMENTS[options.task]]
    command += ["--seed", str(seed), "--sparsity", str(candidate.sparsity)]
    command += ["--settle-steps", str(options.settle_steps), "--seconds", str(options.seconds)]
    threads = {} if core is None else ONE_THREAD
    command += [] if core is None else ["--core", str(core)]
    inherited = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
    environment = inherited | threads | {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)


def throughput(every_marks: list[Marks], settle_steps: int, seconds: float) -> float:
    """Environment steps per second of all processes together, while all of them were in their steady state."""
    steady = [[mark for mark in marks if mark[1] >= settle_steps] for marks in every_marks]
    began, ended = max(marks[0][0] for marks in steady), min(marks[-1][0] for marks in steady)
    if ended - began < seconds / 2:
        sys.exit(f"the processes ran side by side for {ended - began:.1f} s only: raise --seconds")
    steps = sum(_steps_at(ended, marks) - _steps_at(began, marks) for marks in steady)
    return steps / (ended - began)


def _steps_at(seconds: float, marks: Marks) -> float:
    """Steps done at a time within `marks`, interpolated linearly."""
    for (left, before), (right, after) in itertools.pairwise(marks):
        if left <= seconds <= right:
            return before + (after - before) * (seconds - left) / (right - left)
    raise ValueError(f"{seconds} lies outside the marks")


def summary(rates: dict[Candidate, list[float]]) -> dict[str, Any]:
    """Medians by candidate, and ours over the better layout of each peer."""
    medians = {candidate: statistics.median(found) for candidate, found in rates.items()}
    best = {
        name: max(median for candidate, median in medians.items() if candidate.name == name)
        for name in dict.fromkeys(candidate.name for candidate in medians)
    }
    ours = {candidate.name for candidate in medians if candidate.project == OURS}
    peers = {name: rate for name, rate in best.items() if name not in ours}
    ratio = lambda name, other, rate: (f"{name} / {other}", best[name] / rate)
    over = {**peers, "better peer": max(peers.values())}
    return {
        "ratios": dict(ratio(name, other, rate) for name in sorted(ours) for other, rate in over.items()),
        "environment_steps_per_second": [
            {"project": each.name, "layout": each.layout, "median": medians[each], "repeats": rates[each]}
            for each in rates
        ],
    }


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(options, name) for name in ("task", "seconds", "settle_steps", "repeats")}


def _machine(peers: Path) -> dict[str, Any]:
    from sparserl.persistence import machine_description

    names = ("stable-baselines3", "sbx-rl", "torch", "jax", "gymnasium", "mujoco", "ale-py")
    program = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {names}}}))"
    found = subprocess.run([peers, "-c", program], check=True, capture_output=True, text=True)
    return machine_description() | {"peer_packages": json.loads(found.stdout)}


def _show(report: dict[str, Any]) -> None:
    for name, ratio in report["ratios"].items():
        print(f"{name}: {ratio:.2f}")
    for row in report["environment_steps_per_second"]:
        repeats = ", ".join(f"{rate:,.0f}" for rate in row["repeats"])
        print(f"{row['project']:<22} {row['layout']:<26} {row['median']:8,.0f} steps/s   ({repeats})")


if __name__ == "__main__":
    main()
