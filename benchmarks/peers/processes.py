"""The processes of the peers' benchmark: whose interpreter, on which cores, held to which instructions, and their rate.

All processes of a layout start together and train until the last of them is past its settling, and some seconds longer.
Their rate is that of the time in which all of them have settled and none has ended: the sum over processes of steps
done, over that time.
"""

import itertools
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

TOP = Path(__file__).parents[2]  # where workers are started, whose modules are found from there
WORKER = "benchmarks.peers.worker"
OURS = "sparserl"
PEERS = (
    "stable-baselines3==2.9.*",
    "sbx-rl==0.28.*",
    "gymnasium[mujoco]<1.4",
    "mujoco==3.5.*",
    "ale-py==0.12.*",
    "opencv-python-headless",
)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NPROC": "1"}
ON_CPU = {"JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
AVX2 = {  # XLA and our kernels (docs/machines.md), and what PyTorch, oneDNN, MKL and OpenBLAS ask of their surroundings
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "SPARSERL_INSTRUCTION_SET": "avx2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
}
INSTRUCTIONS: Mapping[str, Mapping[str, str]] = {"widest": {}, "avx2": AVX2}

Marks = Sequence[tuple[float, int]]  # seconds on the monotonic clock, environment steps done by then


class TooShort(Exception):
    """Processes were not in their steady state together for long enough to have a rate."""


class Candidate(NamedTuple):
    """A project, whether it runs as one process with all threads or one of one thread per core, its sparsity."""

    project: str
    per_core: bool
    sparsity: float = 0.0

    @property
    def name(self) -> str:
        how = "RigL by masks" if self.project != OURS else "RigL"
        return f"{self.project}, {how}, {self.sparsity:.0%}" if self.sparsity else self.project

    @property
    def layout(self) -> str:
        return "one process per core" if self.per_core else "one process, all threads"


CANDIDATES = (
    Candidate("stable-baselines3", per_core=False),
    Candidate("stable-baselines3", per_core=True),
    Candidate("sbx", per_core=False),
    Candidate("sbx", per_core=True),
    Candidate("sbx", per_core=True, sparsity=0.9),
    Candidate(OURS, per_core=True),
    Candidate(OURS, per_core=True, sparsity=0.9),
)


def make_peers(folder: Path, torch: str) -> Path:
    """The Python of the peers' virtual environment in `folder`, made at the first call and when requirements change."""
    python, stamp, wanted = folder / "bin" / "python", folder / "requirements.txt", "\n".join((torch, *PEERS))
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"setting up the peers in {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        if subprocess.run([python, "-m", "pip", "-qq", "install", torch, *PEERS]).returncode:
            sys.exit(f"the peers could not be installed in {folder}, see above; --as-they-are takes what is there")
        stamp.write_text(wanted)
    return python


def there(folder: Path) -> Path:
    """The Python of an environment that is there already."""
    if not (python := folder / "bin" / "python").exists():
        sys.exit(f"{folder} is no virtual environment: leave out --as-they-are, and it is made")
    return python


def surroundings(instructions: str, one_thread: bool) -> dict[str, str]:
    """The variables of a child: held to some instructions, and to one thread or to none; no program is cached."""
    aside = {*ONE_THREAD, *AVX2} - {"XLA_FLAGS"}
    kept = {name: value for name, value in os.environ.items() if name not in aside and not name.startswith("JAX_")}
    chosen = dict(INSTRUCTIONS[instructions])
    if "XLA_FLAGS" in chosen:
        chosen["XLA_FLAGS"] = f"{kept.get('XLA_FLAGS', '')} {chosen['XLA_FLAGS']}".strip()
    return kept | chosen | (ONE_THREAD if one_thread else {}) | ON_CPU


def start(
    python: Path | str, words: Sequence[str], core: int | None, instructions: str = "widest", worker: str = WORKER
) -> subprocess.Popen[str]:
    """A worker, bound to a core and to one thread where one is given."""
    python = Path(python).absolute()  # which a link of a virtual environment must stay, and folders change
    command = [str(python), "-m", worker, *words, "--began", str(time.monotonic())]
    command += [] if core is None else ["--core", str(core)]
    environment = surroundings(instructions, one_thread=core is not None)
    pipe = subprocess.PIPE
    # A session of its own: Ctrl-C is for the parent, which ends all.
    return subprocess.Popen(
        command, cwd=TOP, stdin=pipe, stdout=pipe, env=environment, text=True, start_new_session=True
    )


def side_by_side(processes: Sequence[subprocess.Popen[str]]) -> list[dict[str, Any]] | None:
    """What each prints last: all go on once the last of them has printed a line. None, and all are ended, where not."""
    try:
        if not all(process.stdout and process.stdout.readline() for process in processes):
            return None
        for process in processes:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        return finished(processes)
    finally:
        end(processes)


def finished(processes: Sequence[subprocess.Popen[str]]) -> list[dict[str, Any]] | None:
    """What each prints last; None, and all are ended, where one breaks."""
    try:
        outputs = [process.communicate()[0] for process in processes]
        return None if any(process.returncode for process in processes) else [json.loads(each) for each in outputs]
    finally:
        end(processes)


def end(processes: Sequence[subprocess.Popen[str]]) -> None:
    for process in processes:
        with process:
            process.kill()


def throughput(every_marks: Sequence[Marks], settle_steps: int, seconds: float) -> float:
    """Environment steps per second of all processes together, while all of them were in their steady state."""
    steady = [[mark for mark in marks if mark[1] >= settle_steps] for marks in every_marks]
    began, ended = max(marks[0][0] for marks in steady), min(marks[-1][0] for marks in steady)
    if ended - began < seconds / 2:
        raise TooShort(f"the processes ran side by side for {ended - began:.1f} s only: raise --seconds")
    steps = sum(_steps_at(ended, marks) - _steps_at(began, marks) for marks in steady)
    return steps / (ended - began)


def _steps_at(seconds: float, marks: Marks) -> float:
    """Steps done at a time within `marks`, interpolated linearly."""
    for (left, before), (right, after) in itertools.pairwise(marks):
        if left <= seconds <= right:
            return before + (after - before) * (seconds - left) / (right - left)
    raise ValueError(f"{seconds} lies outside the marks")
