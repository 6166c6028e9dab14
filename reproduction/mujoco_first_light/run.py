"""Train SAC with preset `sb3` on MuJoCo: RigL and static at 90 %, and dense; 5 seeds x 100,000 steps.

`python reproduction/mujoco_first_light/run.py [OUTPUT]`; resumable: finished runs are not run again.
"""

import itertools
import sys
import time
from pathlib import Path

from sparserl import persistence, study
from sparserl.experiment import Experiment, from_preset, planned

ENVIRONMENTS = ("HalfCheetah-v5", "Hopper-v5")
METHODS = {"rigl": 0.9, "static": 0.9, "dense": 0.0}
NUM_SEEDS, TOTAL_STEPS = 5, 100_000


def experiments() -> list[Experiment]:
    """Every experiment of the study, the quick ones first."""
    grid = itertools.product(METHODS.items(), ENVIRONMENTS)
    made = lambda method, environment, sparsity: planned(
        from_preset("sac", method, environment, "sb3", sparsity=sparsity, total_steps=TOTAL_STEPS)
    )
    return [made(method, environment, sparsity) for (method, sparsity), environment in grid]


def plan(directory: Path) -> list[Path]:
    """Write every `experiment.json`, and return the run folders."""
    folders = []
    for experiment in experiments():
        document = {"choices": experiment.choices(), "preset": "sb3", "machine": persistence.machine_description()}
        persistence.plan_experiment(directory, experiment.identifier, document)
        folders += [persistence.run_folder(directory, experiment.identifier, seed) for seed in range(NUM_SEEDS)]
    return folders


def main() -> None:
    """Run all, and tell each evaluation."""
    directory = Path(sys.argv[1] if len(sys.argv) > 1 else "results/mujoco_first_light")
    began = time.monotonic()

    def tell(folder: Path, progress: study.Progress) -> None:
        if progress.evaluation_return is not None and progress.environment_steps % 20_000 == 0:
            where = f"{folder.parent.name}/{folder.name}  {progress.environment_steps}"
            print(f"{time.monotonic() - began:7.0f} s  {where}  {progress.evaluation_return:.1f}", flush=True)

    for outcome in study.run_all(plan(directory), tell):
        if outcome.exit_status:
            print(f"{outcome.run_folder}: {outcome.message}")


if __name__ == "__main__":
    main()
