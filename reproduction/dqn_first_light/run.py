"""Train what this study compares: dense, and RigL at 90 % with masked and with compressed storage; three tasks, two
presets, 100,000 steps, 5 or 10 seeds each.

`python reproduction/dqn_first_light/run.py [OUTPUT]`; resumable: neither finished runs nor those whose evaluations are
kept here already are run again (`collect.py` keeps them; delete `evaluations.parquet` to run all).
"""

import itertools
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from sparserl import persistence, study
from sparserl.experiment import Experiment, from_preset, planned

ENVIRONMENTS = ("Acrobot-v1", "CartPole-v1", "MountainCar-v0")
PRESETS = ("published-code", "paper")
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {  # method and choices by the name in the results
    "dense": ("dense", {"sparsity": 0.0, "storage": "masked"}),
    "rigl": ("rigl", {"sparsity": 0.9, "storage": "masked"}),
    "rigl (compressed)": ("rigl", {"sparsity": 0.9, "storage": "compressed"}),
}


def num_seeds(preset: str, environment: str) -> int:
    """Five; where final returns swing too widely for five to tell the networks apart, ten."""
    return 10 if (preset, environment) == ("paper", "CartPole-v1") else 5


class Planned(NamedTuple):
    """An experiment with the names that the results have for its preset and network."""

    preset: str
    network: str
    experiment: Experiment


def experiments() -> list[Planned]:
    """Every experiment of the study."""
    grid = itertools.product(PRESETS, ENVIRONMENTS, NETWORKS.items())
    made = lambda preset, environment, method, choices: planned(
        from_preset("dqn", method, environment, preset, **choices)
    )
    return [Planned(p, name, made(p, environment, *settings)) for p, environment, (name, settings) in grid]


def plan(directory: Path) -> list[Path]:
    """Write every `experiment.json`, and return the run folders, first seeds first."""
    for preset, network, experiment in experiments():
        document = {
            "choices": experiment.choices(),
            "preset": preset,
            "network": network,
            "machine": persistence.machine_description(),
        }
        persistence.plan_experiment(directory, experiment.identifier, document)
    kept = already_kept()
    return [
        persistence.run_folder(directory, experiment.identifier, seed)
        for seed in range(10)
        for preset, network, experiment in experiments()
        if seed < num_seeds(preset, experiment.environment)
        and (preset, experiment.environment, network, seed) not in kept
    ]


def already_kept() -> set[tuple[str, str, str, int]]:
    """Preset, environment, network and seed of the runs in `evaluations.parquet`."""
    path = Path(__file__).parent / "evaluations.parquet"
    rows = pq.read_table(path).to_pylist() if path.exists() else []
    return {(row["preset"], row["environment"], row["method"], row["seed"]) for row in rows}


def main() -> None:
    """Run all, and tell each evaluation."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "results/dqn_first_light")
    began = time.monotonic()

    def tell(folder: Path, progress: study.RunProgress) -> None:
        if progress.evaluation_return is not None and progress.environment_steps % 20_000 == 0:
            where = f"{folder.parent.name}/{folder.name}  {progress.environment_steps}"
            print(f"{time.monotonic() - began:7.0f} s  {where}  {progress.evaluation_return:.1f}")

    for outcome in study.run_all(plan(directory), tell):
        if outcome.exit_status:
            print(f"{outcome.run_folder}: {outcome.message}")


if __name__ == "__main__":
    main()
