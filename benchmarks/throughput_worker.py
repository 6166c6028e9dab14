"""One process of the throughput benchmark: trains one DQN, and prints when it was at which environment step.

Started by `dqn_throughput.py`. Runs with the interpreter of whichever project it trains, and imports only that one.
Prints one JSON document: `{"marks": [[seconds, environment_steps], ...]}`, seconds on the machine's monotonic clock.
"""

import argparse
import dataclasses
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

MARK_STEPS = 100  # how often the clock is read
Mark = Callable[[int], None]

EPSILON = 0.1  # constant: a random action would save the peers a forward pass
SETTINGS: dict[str, Any] = {  # what Stable-Baselines3 and SBX call them; `time_ours` sets the same
    "policy": "MlpPolicy",
    "learning_rate": 1e-3,
    "buffer_size": 100_000,
    "learning_starts": 1_000,
    "batch_size": 128,
    "tau": 1.0,
    "gamma": 0.99,
    "train_freq": 1,
    "gradient_steps": 1,
    "target_update_interval": 100,
    "exploration_initial_eps": EPSILON,
    "exploration_final_eps": EPSILON,
    "policy_kwargs": {"net_arch": [512, 512]},
}


def time_stable_baselines3(environment: str, seed: int, total_steps: int, mark: Mark) -> None:
    """Stable-Baselines3 (PyTorch). Its loss is Huber and its gradient is clipped; both cost next to nothing."""
    from stable_baselines3 import DQN

    _learn(DQN(env=environment, seed=seed, device="cpu", **SETTINGS), total_steps, mark)


def time_sbx(environment: str, seed: int, total_steps: int, mark: Mark) -> None:
    """SBX (JAX). Its loss is Huber."""
    from sbx import DQN

    _learn(DQN(env=environment, seed=seed, **SETTINGS), total_steps, mark)


def _learn(model: Any, total_steps: int, mark: Mark) -> None:
    def step(local_names: dict[str, Any], global_names: dict[str, Any]) -> bool:
        mark(model.num_timesteps)
        return True

    model.learn(total_steps, callback=step, log_interval=1_000_000)


def time_ours(environment: str, seed: int, total_steps: int, mark: Mark) -> None:
    """sparserl, dense, with the loop that `sparserl train` runs, without its evaluations."""
    import jax

    from sparserl import training
    from sparserl.agents.dqn import DQNSettings
    from sparserl.experiment import build, from_preset
    from sparserl.networks import MLPSettings

    settings = DQNSettings(
        discount=SETTINGS["gamma"],
        batch_size=SETTINGS["batch_size"],
        replay_capacity_steps=SETTINGS["buffer_size"],
        warmup_steps=SETTINGS["learning_starts"],
        target_interval_updates=SETTINGS["target_update_interval"],
        initial_epsilon=EPSILON,
        final_epsilon=EPSILON,
    )
    network = MLPSettings(hidden_units=tuple(SETTINGS["policy_kwargs"]["net_arch"]))
    dense = from_preset("dqn", "dense", environment, network=network, weight_decay=0.0, total_steps=total_steps)
    built = build(dataclasses.replace(dense, agent=settings))
    assert built.environment.compiled
    key = jax.random.key(seed)
    first = training.start(built.agent, built.environment, key)
    stops = range(MARK_STEPS, total_steps + 1, MARK_STEPS)
    for state, _ in training.train(built.agent, built.environment, key, first, stops):
        mark(int(jax.block_until_ready(state).num_steps))


PROJECTS = {"stable-baselines3": time_stable_baselines3, "sbx": time_sbx, "sparserl": time_ours}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", choices=PROJECTS)
    parser.add_argument("environment")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--total-steps", type=int, required=True)
    parser.add_argument("--core", type=int, help="stay on this processor")
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    marks: list[tuple[float, int]] = []

    def mark(num_steps: int) -> None:
        if num_steps % MARK_STEPS == 0:
            marks.append((time.monotonic(), num_steps))

    PROJECTS[options.project](options.environment, options.seed, options.total_steps, mark)
    json.dump({"marks": marks}, sys.stdout)


if __name__ == "__main__":
    main()
