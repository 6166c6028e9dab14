"""A study that holds every valid cell: DQN, SAC and PPO by dense, pruned, static, SET and RigL by both storages.

At the scale `smoke`, for the tests, it holds fewer cells: each agent with each storage once, and each method.
"""

import dataclasses

from sparserl.experiment import from_preset
from sparserl.sparsity import Window
from sparserl.study import Study
from sparserl.training import EvaluationSettings

METHODS = ("dense", "prune", "static", "set", "rigl")
CASES = {  # agent: environment, settings that make it short, networks; compiled, Python and MuJoCo environments
    "dqn": ("CartPole-v1", {"warmup_steps": 100, "replay_capacity_steps": 700}, ("q",)),
    "sac": ("Pendulum-v1", {"warmup_steps": 100, "replay_capacity_steps": 500}, ("actor", "critic_1", "critic_2")),
    "ppo": ("Hopper-v5", {"rollout_steps": 64, "num_epochs": 2}, ("actor", "value")),
}
STEPS = {"smoke": 1_024, "quick": 20_480, "paper": 100_000}
EVERY = [
    (agent, method, storage)
    for agent in CASES
    for method in METHODS
    for storage in ("masked", "compressed")
    if (method, storage) != ("dense", "compressed")
]
COVERING = [
    ("dqn", "prune", "masked"),
    ("dqn", "rigl", "compressed"),
    ("sac", "dense", "masked"),
    ("sac", "set", "compressed"),
    ("ppo", "rigl", "masked"),
    ("ppo", "static", "compressed"),
]


def study(scale):
    """Cells once each; a smoke study is short enough for the tests, a quick one long enough to be killed 200 times."""
    cells = tuple(cell(*words, STEPS[scale]) for words in (COVERING if scale == "smoke" else EVERY))
    return Study("every_cell", "Does a study that is killed end as one that is not?", cells, num_seeds=1)


def cell(agent, method, storage, total_steps):
    """One experiment with small networks, many topology updates and many evaluations."""
    environment, settings, networks = CASES[agent]
    table = from_preset(agent, method, environment)
    fields = {field.name for field in dataclasses.fields(table.method)}
    window = {"window": Window(0.05, 0.95, 10)} if "window" in fields else {}
    layers = tuple(f"{name}/hidden_2=0.4" for name in networks) if storage == "compressed" else ()
    return dataclasses.replace(
        table,
        agent=dataclasses.replace(table.agent, batch_size=32, **settings),
        method=dataclasses.replace(table.method, **window),
        network=dataclasses.replace(table.network, hidden_units=(24, 24)),
        sparsity=0.0 if method == "dense" else 0.8,
        storage=storage,
        compressed_layers=layers,
        total_steps=total_steps,
        evaluation=EvaluationSettings(interval_steps=total_steps // 16, num_episodes=2, max_episode_steps=50),
    )
