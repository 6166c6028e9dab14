"""What checkpoints cost: the part of a run's time that goes to them, with the intervals that runs have by themselves.

    python benchmarks/checkpoints.py DIR

Trains SAC, whose replay grows by 170 bytes a step, DQN and PPO with RigL at 90 % sparsity for a few checkpoints each;
as many at once as there are cores, one core each. Prints a line for each run.
"""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sparserl import persistence

RUNS = {
    "sac rigl --environment HalfCheetah-v5": 250_000,
    "dqn rigl --environment CartPole-v1": 200_000,
    "ppo rigl --environment HalfCheetah-v5 --preset sb3": 2_000_000,
}


def main(directory: Path) -> None:
    print(f"{'run':40} {'steps':>10} {'seconds':>8} {'checkpoints':>12} {'part':>7}")

    def train(words: str, steps: int) -> None:
        command = f"train {words} --total-steps {steps} --output {directory}"
        subprocess.run([sys.executable, "-m", "sparserl", *command.split()], check=True, stdout=subprocess.DEVNULL)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(train, RUNS.keys(), RUNS.values()))
    for path in sorted(directory.glob("*/seed=0")):
        status = persistence.read_status(path)
        assert status is not None
        assert status.seconds is not None
        part = status.checkpoint_seconds / status.seconds
        columns = f"{status.environment_steps:10,} {status.seconds:8.0f} {status.checkpoint_seconds:11.2f}s {part:7.2%}"
        print(f"{path.parent.name:40.40} {columns}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
