"""Train SAC and PPO with preset `sb3` on MuJoCo: dense, and at 90 % with RigL (and, for SAC, static); 5 seeds each.

`python reproduction/mujoco_first_light/run.py [OUTPUT [AGENT]]`; resumable: finished runs are not run again.
"""

import dataclasses
import sys
import time
from pathlib import Path
from typing import NamedTuple

from sparserl import persistence, study
from sparserl.experiment import Experiment, from_preset, planned


class Task(NamedTuple):
    """What is trained with one agent, and how it is evaluated."""

    environments: tuple[str, ...]
    total_steps: int
    methods: dict[str, float]  # with their sparsities
    evaluation_interval_steps: int
    num_episodes: int


TASKS = {
    "sac": Task(
        ("HalfCheetah-v5", "Hopper-v5"), 100_000, {"rigl": 0.9, "static": 0.9, "dense": 0.0}, 10_000, num_episodes=30
    ),
    "ppo": Task(("HalfCheetah-v5", "Walker2d-v5"), 500_000, {"dense": 0.0, "rigl": 0.9}, 20_000, num_episodes=20),
}
NUM_SEEDS = 5


def experiments(agents: list[str]) -> list[Experiment]:
    """Every experiment of the study."""
    made = []
    for agent in agents:
        task = TASKS[agent]
        for method, sparsity in task.methods.items():
            for environment in task.environments:
                choices = {"sparsity": sparsity, "total_steps": task.total_steps}
                experiment = from_preset(agent, method, environment, "sb3", **choices)
                evaluation = dataclasses.replace(
                    experiment.evaluation,
                    interval_steps=task.evaluation_interval_steps,
                    num_episodes=task.num_episodes,
                )
                made.append(planned(dataclasses.replace(experiment, evaluation=evaluation)))
    return made


def plan(directory: Path, agents: list[str]) -> list[Path]:
    """Write every `experiment.json`, and return the run folders."""
    folders = []
    for experiment in experiments(agents):
        document = {"choices": experiment.choices(), "preset": "sb3", "machine": persistence.machine_description()}
        persistence.plan_experiment(directory, experiment.identifier, document)
        folders += [persistence.run_folder(directory, experiment.identifier, seed) for seed in range(NUM_SEEDS)]
    return folders


def main() -> None:
    """Run all, and tell each evaluation."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "results/mujoco_first_light")
    began = time.monotonic()

    def tell(folder: Path, progress: study.RunProgress) -> None:
        if progress.evaluation_return is not None and progress.environment_steps // 10_000 % 10 == 0:
            where = f"{folder.parent.name}/{folder.name}  {progress.environment_steps}"
            print(f"{time.monotonic() - began:7.0f} s  {where}  {progress.evaluation_return:.1f}", flush=True)

    for outcome in study.run_all(plan(directory, sys.argv[2:] or list(TASKS)), tell):
        if outcome.exit_status:
            print(f"{outcome.run_folder}: {outcome.message}")


if __name__ == "__main__":
    main()
