"""Ours, as a process of the peers' benchmark trains it: the loop of `sparserl train`, without its store."""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

from benchmarks.peers.tasks import EPSILON, TASKS, Task

Seen = Callable[[int, Callable[[int], float]], bool]  # steps that are done, and how to evaluate: whether to go on


def train_ours(task: str, environment: str, seed: int, sparsity: float, seen: Seen) -> None:
    """sparserl, dense or RigL in automatic storage."""
    import jax

    from sparserl import training
    from sparserl.experiment import build, make_evaluation_environment

    about = TASKS[task]
    built = build(experiment_of(about, environment, sparsity))
    key = jax.random.key(seed)
    first = training.start(built.agent, built.environment, key)
    marks = itertools.count(about.mark_steps, about.mark_steps)
    later = itertools.dropwhile(lambda steps: steps <= about.first_update_steps, marks)
    stops = itertools.chain([about.first_update_steps], later)
    evaluators: dict[int, Any] = {}  # by how many episodes they play; each compiles once

    for state, _ in training.train(built.agent, built.environment, key, first, stops, built.optimizers):

        def evaluate(num_episodes: int, agent_state: Any = state.agent) -> float:
            if num_episodes not in evaluators:
                places = make_evaluation_environment(built.plan.experiment, num_episodes)
                evaluators[num_episodes] = training.evaluator(built.agent, places, 100_000)
            return float(evaluators[num_episodes](jax.random.key(seed + 10_000), agent_state).returns.mean())

        if not seen(int(jax.block_until_ready(state).num_steps), evaluate):
            break
    built.close()


def experiment_of(task: Task, environment: str, sparsity: float) -> Any:
    """The peers' settings as an experiment."""
    from sparserl.experiment import from_preset

    method = "rigl" if sparsity else "dense"
    if task.algorithm == "dqn":
        return _dqn(task, method, environment, sparsity)
    return from_preset(task.algorithm, method, environment, "sb3", sparsity=sparsity, total_steps=1_000_000)


def _dqn(task: Task, method: str, environment: str, sparsity: float) -> Any:
    from sparserl.agents.dqn import DQNSettings
    from sparserl.experiment import from_preset
    from sparserl.networks import CNNSettings, MLPSettings
    from sparserl.sparsity import InnerOptimizer

    theirs = task.settings
    settings = DQNSettings(
        discount=theirs["gamma"],
        batch_size=theirs["batch_size"],
        replay_capacity_steps=theirs["buffer_size"],
        warmup_steps=theirs["learning_starts"],
        steps_per_update=theirs["train_freq"],
        target_interval_updates=theirs["target_update_interval"] // theirs["train_freq"],
        initial_epsilon=EPSILON,
        final_epsilon=EPSILON,
        evaluation_epsilon=0.0,
        reward_limit=1.0 if environment.startswith("atari:") else None,
    )
    units = theirs["policy_kwargs"].get("net_arch")
    choices = {
        "network": MLPSettings(hidden_units=tuple(units)) if units else CNNSettings(padding="valid"),
        "optimizer": InnerOptimizer("adam", learning_rate=theirs["learning_rate"]),
        "weight_decay": 0.0,
        "total_steps": 1_000_000,
        "sparsity": sparsity,
    }
    return dataclasses.replace(from_preset("dqn", method, environment), agent=settings, **choices)
