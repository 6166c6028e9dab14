"""Train what this study compares: dense and RigL at 90 %, three tasks, two presets; 5 seeds x 100,000 steps each.

`python reproduction/dqn_first_light/run.py [OUTPUT]`; resumable: neither finished runs nor those whose evaluations are
kept here already are run again (`collect.py` keeps them; delete `evaluations.parquet` to run all).
"""

import itertools
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from sparserl import persistence, study
from sparserl.experiment import Experiment, from_preset

ENVIRONMENTS = ("Acrobot-v1", "CartPole-v1", "MountainCar-v0")
PRESETS = ("published-code", "paper")
METHODS = {"dense": 0.0, "rigl": 0.9}
NUM_SEEDS = 5


def experiments() -> list[tuple[str, Experiment]]:
    """Every experiment of the study with the name of its preset."""
    grid = itertools.product(PRESETS, ENVIRONMENTS, METHODS)
    choices = lambda method: {"sparsity": METHODS[method], "storage": "masked"}
    return [(p, from_preset("dqn", m, environment, p, **choices(m))) for p, environment, m in grid]


def plan(directory: Path) -> list[Path]:
    """Write every `experiment.json`, and return the run folders, first seeds first."""
    for preset, experiment in experiments():
        document = {"choices": experiment.choices(), "preset": preset, "machine": persistence.machine_description()}
        persistence.plan_experiment(directory, experiment.identifier, document)
    kept = already_kept()
    return [
        persistence.run_folder(directory, experiment.identifier, seed)
        for seed in range(NUM_SEEDS)
        for preset, experiment in experiments()
        if (preset, experiment.environment, experiment.method_name, seed) not in kept
    ]


def already_kept() -> set[tuple[str, str, str, int]]:
    """Preset, environment, method and seed of the runs in `evaluations.parquet`."""
    path = Path(__file__).parent / "evaluations.parquet"
    rows = pq.read_table(path).to_pylist() if path.exists() else []
    return {(row["preset"], row["environment"], row["method"], row["seed"]) for row in rows}


def main() -> None:
    """Run all, and tell each evaluation."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "results/dqn_first_light")
    began = time.monotonic()

    def tell(folder: Path, progress: study.Progress) -> None:
        if progress.evaluation_return is not None and progress.environment_steps % 20_000 == 0:
            where = f"{folder.parent.name}/{folder.name}  {progress.environment_steps}"
            print(f"{time.monotonic() - began:7.0f} s  {where}  {progress.evaluation_return:.1f}")

    for outcome in study.run_all(plan(directory), tell):
        if outcome.exit_status:
            print(f"{outcome.run_folder}: {outcome.message}")


if __name__ == "__main__":
    main()
