"""How each cell of the peers' benchmark is measured: in processes of its own, whose parent never imports JAX."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.cells import Cell, Values
from benchmarks.peers.processes import (
    OURS,
    TOP,
    TooShort,
    finished,
    side_by_side,
    start,
    surroundings,
    throughput,
)
from benchmarks.peers.tasks import TASKS

PACKAGES = ("stable-baselines3", "sbx-rl", "torch", "jax", "numpy", "scipy", "gymnasium", "mujoco", "ale-py")
VARIANTS = ("masked", "masked_rigl", "compressed", "compressed_rigl")


def ours() -> dict[str, Any]:
    """The machine, our versions, and how many cores there are."""
    ask = "from sparserl.persistence import machine_description; from sparserl.experiment import RESULTS_VERSION"
    program = f"import json; {ask}; print(json.dumps([RESULTS_VERSION, machine_description()]))"
    results_version, machine = json.loads(_said([sys.executable, "-c", program]))
    num_cores = len(os.sched_getaffinity(0))
    return {"results_version": results_version, "machine": machine, "num_cores_used": num_cores}


def about(peers: Path) -> dict[str, Any]:
    """The machine, and the versions on both sides."""
    of_one = "\n  try: found[n] = m.version(n)\n  except m.PackageNotFoundError: found[n] = None"
    program = (
        f"import importlib.metadata as m, json\nfound = {{}}\nfor n in {PACKAGES}:{of_one}\nprint(json.dumps(found))"
    )
    return {**ours(), "peer_packages": json.loads(_said([str(peers), "-c", program]))}


def _said(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, env=surroundings("widest", False)).stdout


def measure(cell: Cell, peers: Path, smoke: bool) -> Values | None:
    """The values of a cell; None where a process failed, whose words are on standard error."""
    match cell.key["part"]:
        case "training":
            return _training(cell.key, cell.settings, peers)
        case "returns":
            return _returns(cell.key, cell.settings, peers)
        case "updates":
            return _updates(cell.key, cell.settings, smoke)
        case _:
            return _products(cell, peers)


def _training(key: Mapping[str, Any], settings: Mapping[str, Any], peers: Path) -> Values | None:
    cores = sorted(os.sched_getaffinity(0)) if "per core" in key["layout"] else [None]
    words = ["--settle-steps", str(settings["settle_steps"]), "--seconds", str(settings["seconds"])]
    started = [_started(key, peers, seed, [*words], core) for seed, core in enumerate(cores)]
    if (told := side_by_side(started)) is None:
        return None
    try:
        rate = throughput([each["marks"] for each in told], settings["settle_steps"], settings["seconds"])
    except TooShort as error:
        print(error, file=sys.stderr)
        return None
    return {
        "steps_per_second": rate,
        "startup_seconds": max(each["startup_seconds"] for each in told),
        "peak_memory_bytes": max(each["peak_memory_bytes"] for each in told),
        "num_processes": len(told),
    }


def _returns(key: Mapping[str, Any], settings: Mapping[str, Any], peers: Path) -> Values | None:
    names = ("steps", "seconds", "evaluations", "episodes")
    words = [word for name in names for word in (f"--{name}", str(settings[name]))]
    places = zip(key["seeds"], sorted(os.sched_getaffinity(0)), strict=False)
    told = finished([_started(key, peers, seed, words, core) for seed, core in places])
    return None if told is None else {"runs": [{"seed": s, **each} for s, each in zip(key["seeds"], told, strict=True)]}


def _started(key: Mapping[str, Any], peers: Path, seed: int, words: list[str], core: int | None) -> Any:
    python = sys.executable if key["project"] == OURS else peers
    task = key["task"]
    what = [key["part"], key["project"], task, TASKS[task].environment]
    what += ["--seed", str(seed), "--sparsity", str(key["sparsity"])]
    return start(python, [*what, *words], core, key["instructions"])


def _updates(key: Mapping[str, Any], settings: Mapping[str, Any], smoke: bool) -> Values | None:
    command = [sys.executable, "-m", "sparserl", "bench", "updates", "--works", key["work"], "--sparsities", "0.9"]
    command += ["--variants", *VARIANTS, "--repetitions", str(settings["repetitions"])]
    command += ["--window-seconds", str(settings["window_seconds"]), "--json"]
    command += ["--replay-steps", "1000", "--interval-updates", "10"] if smoke else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=surroundings(key["instructions"], False))
    return None if done.returncode else {"rows": json.loads(done.stdout)["rows"]}


def _products(cell: Cell, peers: Path) -> Values | None:
    """In our interpreter, which finds PyTorch in the peers' environment."""
    libraries = _said([str(peers), "-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]).strip()
    command = [sys.executable, "-m", "benchmarks.peers.products", libraries, json.dumps({**cell.key, **cell.settings})]
    held = surroundings(cell.key["instructions"], one_thread=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=held, cwd=TOP)
    return None if done.returncode else {"rows": json.loads(done.stdout.splitlines()[-1])}
