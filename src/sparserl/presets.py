"""The published choices: the paper's tables, and the values its published code really used, by agent and method."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Literal

from sparserl.agents.dqn import DQNSettings
from sparserl.networks import MLPSettings
from sparserl.sparsity import METHODS, InnerOptimizer, SparseMethod, Window, find_method

PresetName = Literal["paper", "published-code"]
AgentSettings = DQNSettings  # a union once there are more agents


@dataclasses.dataclass(frozen=True)
class Preset:
    """Everything that a table fixes for one agent and method."""

    agent: AgentSettings
    method: SparseMethod
    network: MLPSettings
    optimizer: InnerOptimizer
    weight_decay: float  # L2 in the loss
    decayed_layers: Literal["hidden", "all"]  # the published code spares DQN's output layer
    sparsity_aware_initialization: bool
    total_steps: int


def dqn_classic_control(method: str, preset: PresetName) -> Preset:
    """DQN on classic control: Tables 1 and 6, or `dqn_gym_*.gin` of the published code."""
    exploration: Mapping[str, float] = {}
    stop_fraction = 0.8  # Deviation 7: the paper stops topology updates at 80 %, the published code at 75 %.
    if preset == "published-code":
        exploration = {
            "initial_epsilon": 0.01,
            "final_epsilon": 0.01,
            "epsilon_decay_steps": 0,
            "evaluation_epsilon": 0.0,
        }
        stop_fraction = 0.75
    return Preset(
        agent=DQNSettings(**exploration),  # type: ignore[arg-type]
        method=_configured(method, stop_fraction, interval_updates=1_000, drop_fraction=0.5),
        network=MLPSettings(hidden_units=(512, 512)),
        optimizer=InnerOptimizer("adam", learning_rate=1e-3),
        weight_decay=1e-6,
        decayed_layers="hidden",
        sparsity_aware_initialization=True,
        total_steps=100_000,
    )


def _configured(name: str, stop_fraction: float, interval_updates: int, drop_fraction: float) -> SparseMethod:
    """A method with the tables' values where it has such a choice; methods of other packages keep their defaults."""
    method = find_method(name)
    start_fraction = 0.2 if name == "prune" else 0.0
    values = {"window": Window(start_fraction, stop_fraction, interval_updates), "drop_fraction": drop_fraction}
    if name not in METHODS:
        return method()
    return method(**{field.name: values[field.name] for field in dataclasses.fields(method) if field.name in values})


PRESETS: Mapping[str, Callable[[str, PresetName], Preset]] = {"dqn": dqn_classic_control}
