"""One process of the throughput benchmark: trains one agent, and prints when it was at which environment step.

Started by `throughput.py`. Runs with the interpreter of whichever project it trains, and imports only that one. Prints
"settled" when it is, trains on until a line comes on standard input and `--seconds` longer, and prints one JSON
document: `{"marks": [[seconds, environment_steps], ...]}`, seconds on the machine's monotonic clock.
"""

import argparse
import dataclasses
import itertools
import json
import os
import select
import sys
import time
from collections.abc import Callable
from typing import Any

MARK_STEPS = {"dqn": 100, "sac": 50, "ppo": 2_048, "pixels": 20}  # by task: how often the clock is read
Mark = Callable[[int], bool]  # whether to go on

EPSILON = 0.1  # constant: a random action would save the peers a forward pass
DQN_SETTINGS: dict[str, Any] = {  # what Stable-Baselines3 and SBX call them; `_our_dqn` sets the same
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
PIXEL_SETTINGS: dict[str, Any] = DQN_SETTINGS | {  # of the task "pixels": DQN on Atari, whose policy is "CnnPolicy"
    "learning_rate": 2.5e-4,
    "buffer_size": 10_000,  # full stacks of frames, in the peers
    "batch_size": 32,
    "train_freq": 4,
    "target_update_interval": 8_000,
    "policy_kwargs": None,
}
ATARI_WRAPPERS = {  # what ours does by itself
    "noop_max": 0,
    "frame_skip": 4,
    "screen_size": 84,
    "terminal_on_life_loss": False,
    "clip_reward": True,
    "action_repeat_probability": 0.25,
}


def train_stable_baselines3(task: str, environment: str, seed: int, sparsity: float, mark: Mark) -> None:
    """Stable-Baselines3 (PyTorch): SAC and PPO at its defaults; DQN's loss is Huber, its gradient clipped."""
    import stable_baselines3
    import torch

    if os.environ.get("OMP_NUM_THREADS") == "1":
        torch.set_num_threads(1)
    cls = stable_baselines3.DQN if task == "pixels" else getattr(stable_baselines3, task.upper())
    _learn(cls(*_policy_and_environment(task, environment), seed=seed, device="cpu", **_settings(task)), mark)


def train_sbx(task: str, environment: str, seed: int, sparsity: float, mark: Mark) -> None:
    """SBX (JAX): SAC and PPO at its defaults; DQN's loss is Huber."""
    import sbx

    cls = sbx.DQN if task == "pixels" else getattr(sbx, task.upper())
    _learn(cls(*_policy_and_environment(task, environment), seed=seed, **_settings(task)), mark)


def _settings(task: str) -> dict[str, Any]:
    return {"dqn": DQN_SETTINGS, "pixels": PIXEL_SETTINGS}.get(task, {})


def _policy_and_environment(task: str, environment: str) -> tuple[str, Any]:
    if task != "pixels":
        return "MlpPolicy", environment
    import ale_py
    import gymnasium
    from stable_baselines3.common.env_util import make_atari_env
    from stable_baselines3.common.vec_env import VecFrameStack

    gymnasium.register_envs(ale_py)
    game = f"{environment.removeprefix('atari:')}NoFrameskip-v4"
    return "CnnPolicy", VecFrameStack(make_atari_env(game, wrapper_kwargs=ATARI_WRAPPERS), 4)


def _learn(model: Any, mark: Mark) -> None:
    step = lambda local_names, global_names: mark(model.num_timesteps)
    model.learn(10**9, callback=step, log_interval=1_000_000)


def train_ours(task: str, environment: str, seed: int, sparsity: float, mark: Mark) -> None:
    """sparserl, dense or RigL in automatic storage, with the loop of `sparserl train`, without its evaluations."""
    import jax

    from sparserl import training
    from sparserl.experiment import build, from_preset

    method = "rigl" if sparsity else "dense"
    if task in ("dqn", "pixels"):
        experiment = _our_dqn(task, method, environment, sparsity)
    else:
        experiment = from_preset(task, method, environment, "sb3", sparsity=sparsity, total_steps=1_000_000)
    built = build(experiment)
    key = jax.random.key(seed)
    first = training.start(built.agent, built.environment, key)
    stops = itertools.count(MARK_STEPS[task], MARK_STEPS[task])
    for state, _ in training.train(built.agent, built.environment, key, first, stops, built.optimizers):
        if not mark(int(jax.block_until_ready(state).num_steps)):
            break


def _our_dqn(task: str, method: str, environment: str, sparsity: float) -> Any:
    from sparserl.agents.dqn import DQNSettings
    from sparserl.experiment import from_preset
    from sparserl.networks import CNNSettings, MLPSettings
    from sparserl.sparsity import InnerOptimizer

    theirs = _settings(task)
    settings = DQNSettings(
        discount=theirs["gamma"],
        batch_size=theirs["batch_size"],
        replay_capacity_steps=theirs["buffer_size"],
        warmup_steps=theirs["learning_starts"],
        steps_per_update=theirs["train_freq"],
        target_interval_updates=theirs["target_update_interval"] // theirs["train_freq"],
        initial_epsilon=EPSILON,
        final_epsilon=EPSILON,
        reward_limit=1.0 if task == "pixels" else None,
    )
    dense_layers = theirs["policy_kwargs"]
    network = (
        MLPSettings(hidden_units=tuple(dense_layers["net_arch"])) if dense_layers else CNNSettings(padding="valid")
    )
    choices = {
        "network": network,
        "optimizer": InnerOptimizer("adam", learning_rate=theirs["learning_rate"]),
        "weight_decay": 0.0,
        "total_steps": 1_000_000,
        "sparsity": sparsity,
    }
    return dataclasses.replace(from_preset("dqn", method, environment), agent=settings, **choices)


PROJECTS = {"stable-baselines3": train_stable_baselines3, "sbx": train_sbx, "sparserl": train_ours}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", choices=PROJECTS)
    parser.add_argument("task", choices=MARK_STEPS)
    parser.add_argument("environment")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--sparsity", type=float, default=0.0)
    parser.add_argument("--settle-steps", type=int, required=True, help="environment steps before the clock counts")
    parser.add_argument("--seconds", type=float, required=True, help="how long to go on once all have settled")
    parser.add_argument("--core", type=int, help="stay on this processor")
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints
    marks: list[tuple[float, int]] = []
    settled: list[float] = []  # when, and then when all others were, too

    def mark(num_steps: int) -> bool:
        if num_steps % MARK_STEPS[options.task] == 0:
            marks.append((time.monotonic(), num_steps))
            if not settled and num_steps >= options.settle_steps:
                settled.append(marks[-1][0])
                print("settled", file=channel, flush=True)
            if len(settled) == 1 and select.select([sys.stdin], [], [], 0)[0]:
                settled.append(marks[-1][0])
        return len(settled) < 2 or marks[-1][0] - settled[1] < options.seconds

    PROJECTS[options.project](options.task, options.environment, options.seed, options.sparsity, mark)
    json.dump({"marks": marks}, channel)
    channel.flush()


if __name__ == "__main__":
    main()
