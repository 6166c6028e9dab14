"""Stable-Baselines3 and SBX, as a process of the peers' benchmark trains them."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.peers.tasks import ATARI_WRAPPERS, TASKS, Task

Seen = Callable[[int, Callable[[int], float]], bool]  # steps that are done, and how to evaluate: whether to go on
MASKS = Path(__file__).parents[2] / "src" / "sparserl" / "bench" / "dense_masks.py"
EPSILON_OF_ADAM = {"ppo": 1e-5}  # as SBX has it; 1e-8 for the others


def train_stable_baselines3(task: str, environment: str, seed: int, sparsity: float, seen: Seen) -> None:
    """Stable-Baselines3 (PyTorch): SAC and PPO at its defaults; DQN's loss is Huber, its gradient clipped."""
    import stable_baselines3
    import torch

    if os.environ.get("OMP_NUM_THREADS") == "1":
        torch.set_num_threads(1)
    _learn(stable_baselines3, task, environment, seed, {"device": "cpu"}, seen)


def train_sbx(task: str, environment: str, seed: int, sparsity: float, seen: Seen) -> None:
    """SBX (JAX): SAC and PPO at its defaults; DQN's loss is Huber. With a sparsity: RigL by masks on dense arrays."""
    import sbx

    extra = {"policy_kwargs": {"optimizer_class": _by_masks(TASKS[task], sparsity)}} if sparsity else {}
    _learn(sbx, task, environment, seed, extra, seen)


def _by_masks(task: Task, sparsity: float) -> Callable[..., Any]:
    """RigL as an optimizer that SBX takes. Only this file of ours is loaded: it needs JAX and optax alone."""
    import optax

    specification = importlib.util.spec_from_file_location("dense_masks", MASKS)
    assert specification is not None
    assert specification.loader is not None
    masks = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(masks)
    epsilon = EPSILON_OF_ADAM.get(task.algorithm, 1e-8)
    return lambda learning_rate: masks.rigl_by_masks(optax.adam(learning_rate, eps=epsilon), sparsity)


def _learn(library: Any, task: str, environment: str, seed: int, extra: dict[str, Any], seen: Seen) -> None:
    about = TASKS[task]
    policy, made = _policy_and_environment(about, environment, seed)
    settings = about.settings | extra
    if "policy_kwargs" in settings:
        settings["policy_kwargs"] = about.settings.get("policy_kwargs", {}) | extra.get("policy_kwargs", {})
    model = getattr(library, about.algorithm.upper())(policy, made, seed=seed, **settings)

    def evaluate(num_episodes: int) -> float:
        from stable_baselines3.common.evaluation import evaluate_policy

        _, apart = _policy_and_environment(about, environment, seed + 10_000)
        mean, _ = evaluate_policy(model, apart, num_episodes, deterministic=True)
        apart.close()
        return float(mean)

    # The callback comes after a step and before its update: what is done is the step before.
    step = lambda local_names, global_names: seen(model.num_timesteps - 1, evaluate)
    model.learn(10**9, callback=step, log_interval=1_000_000)


def _policy_and_environment(task: Task, environment: str, seed: int) -> tuple[str, Any]:
    from stable_baselines3.common.env_util import make_atari_env, make_vec_env

    if not environment.startswith("atari:"):
        return "MlpPolicy", make_vec_env(environment, seed=seed)
    import ale_py
    import gymnasium
    from stable_baselines3.common.vec_env import VecFrameStack

    gymnasium.register_envs(ale_py)
    game = f"{environment.removeprefix('atari:')}NoFrameskip-v4"
    return "CnnPolicy", VecFrameStack(make_atari_env(game, seed=seed, wrapper_kwargs=ATARI_WRAPPERS), 4)
