"""How long a report of ten thousand runs takes, and how much memory.

    python benchmarks/reports.py DIR [NUM_RUNS]

The runs are made up: five methods at seven sparsities of three agents in ten environments, as many seeds of each as
there are to be, 50 evaluations each. They are written into DIR unless it is there already.
"""

import itertools
import math
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from sparserl import persistence
from sparserl.persistence import EVALUATIONS, RunId, Status

AGENTS = {"dqn": 0, "sac": 1, "ppo": 2}
METHODS = {"dense": 1.0, "prune": 0.98, "rigl": 0.95, "set": 0.93, "static": 0.85}
SPARSITIES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
ENVIRONMENTS = tuple(f"Task{number}-v1" for number in range(10))
PARAMETERS = 266_242
EVALUATIONS_OF_A_RUN = 50


def main(directory: Path, num_runs: int = 10_000) -> None:
    if not directory.exists():
        made = make(directory, num_runs)
        print(f"{made} runs made in {directory}")
    began = time.monotonic()
    words = ["report", str(directory), "--output", str(directory.with_name(f"{directory.name}-report"))]
    subprocess.run([sys.executable, "-m", "sparserl", *words], check=True, stdout=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{time.monotonic() - began:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processor time,", end=" ")
    print(f"{used.ru_maxrss / 2**20:.2f} GB of memory at most")


def make(directory: Path, num_runs: int) -> int:
    """Write the runs of every experiment, and return how many they are."""
    os.fsync = lambda file: None  # what is made up need not outlive the power
    experiments = [
        (agent, method, environment, sparsity)
        for agent, environment in itertools.product(AGENTS, ENVIRONMENTS)
        for method in METHODS
        for sparsity in (SPARSITIES if method != "dense" else (0.0,))
    ]
    num_seeds = math.ceil(num_runs / len(experiments))
    for experiment in experiments:
        identifier, facts = _plan(directory, *experiment)
        for seed in range(num_seeds):
            _write(RunId(identifier, seed), directory, experiment, facts)
    return len(experiments) * num_seeds


def _plan(directory: Path, agent: str, method: str, environment: str, sparsity: float) -> tuple[str, dict]:
    facts = dict.fromkeys(persistence.FACTS) | {"results_version": 5, "network_kind": "mlp", "distribution": "erk"}
    live = round(PARAMETERS * (1 - sparsity))
    facts |= {"parameters": PARAMETERS, "live_parameters": live, "macs": PARAMETERS, "live_macs": live}
    choices = {
        "results_version": 5,
        "agent": {"name": agent, "batch_size": 128, "discount": 0.99},
        "method": {"name": method, "drop_fraction": 0.5, "window": {"interval_updates": 1_000}},
        "network": {"name": "mlp", "hidden_units": [512, 512]},
        "environment": environment,
        "sparsity": sparsity,
        "total_steps": 100_000,
        "evaluation": {"interval_steps": 2_000, "final_fraction": 0.1},
    }
    identifier = persistence.experiment_id(f"{agent}-{method}-{environment}-{sparsity:g}", choices)
    persistence.plan_experiment(directory, identifier, {"choices": choices, "facts": facts})
    return identifier, facts


def _write(run: RunId, directory: Path, experiment: tuple[str, str, str, float], facts: dict) -> None:
    agent, method, environment, sparsity = experiment
    end = 100 * METHODS[method] ** (sparsity / 0.9) + run.seed % 7
    told = {"experiment_id": run.experiment, "agent": agent, "method": method, "environment": environment}
    constant = {"standard_deviation": 1.0, "minimum_return": 0.0, "maximum_return": end, "num_episodes": 20}
    rows = [
        {
            **told,
            "sparsity": sparsity,
            "seed": run.seed,
            "environment_steps": 2_000 * index,
            "num_updates": 2_000 * index,
            "mean_return": end * (1 - math.exp(-index / 10)),
            **constant,
            "mean_length_steps": 100.0,
            "live_density": 1 - sparsity,
            "seconds": 2.0 * index,
            **facts,
            "num_breaks": 0,
        }
        for index in range(EVALUATIONS_OF_A_RUN)
    ]
    persistence.write_table(EVALUATIONS, run.folder(directory), rows)
    persistence.write_status(run.folder(directory), Status("finished", 98_000, final_return=end))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
