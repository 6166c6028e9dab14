"""The published choices: the paper's tables, and the values its published code really used, by agent and method."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from sparserl.agents.dqn import DQNSettings
from sparserl.agents.ppo import PPOSettings
from sparserl.agents.sac import SACSettings
from sparserl.networks import MLPSettings
from sparserl.sparsity import METHODS, InnerOptimizer, SparseMethod, Window, find_method
from sparserl.training import EvaluationSettings
from sparserl.types import UserError

PresetName = Literal["paper", "published-code", "sb3"]
AgentSettings = DQNSettings | SACSettings | PPOSettings


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
    evaluation: EvaluationSettings = EvaluationSettings()


def dqn_classic_control(method: str, preset: PresetName, environment: str) -> Preset:
    """DQN on classic control: Tables 1 and 6, or `dqn_gym_*.gin` of the published code."""
    if preset == "sb3":
        raise UserError("preset is 'sb3': there is none for agent dqn; choose paper or published-code")
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


class Swept(NamedTuple):
    """What the paper's sweep found best for one agent and method (Tables 1 to 3)."""

    weight_decay: float
    interval_updates: int = 1_000
    drop_fraction: float = 0.5
    sparsity_aware_initialization: bool = True


# Table 2. Methods that it does not have take the values of the one they are closest to.
SAC_SWEEP: Mapping[str, Swept] = {
    "dense": Swept(1e-4),
    "prune": Swept(1e-4),
    "static": Swept(1e-4, sparsity_aware_initialization=False),
    "snip": Swept(1e-4, sparsity_aware_initialization=False),
    "set": Swept(1e-4, interval_updates=250, drop_fraction=0.3),
    "rigl": Swept(1e-6),
}
FEW_WARMUP_STEPS = ("Hopper", "Walker2d", "Humanoid")  # 1,000 random steps there, 10,000 elsewhere (Table 8)


def sac_mujoco(method: str, preset: PresetName, environment: str) -> Preset:
    """SAC on MuJoCo: Tables 2 and 8, `sac_mujoco_*.gin` of the published code (Deviation 27), or SB3's defaults.

    Stable-Baselines3 2.9 has no sparse networks: what it leaves open is as in the paper.
    """
    swept = SAC_SWEEP.get(method, SAC_SWEEP["rigl"])
    few = environment.rpartition(":")[2].startswith(FEW_WARMUP_STEPS)
    published = {"reward_scale": 0.1, "target_entropy_per_dimension": -0.5, "log_deviation_minimum": -math.inf}
    choices = {**published, "log_deviation_maximum": math.inf} if preset == "published-code" else {}
    paper = Preset(
        agent=SACSettings(warmup_steps=1_000 if few else 10_000, **choices),  # type: ignore[arg-type]
        method=_configured(method, 0.8, swept.interval_updates, swept.drop_fraction),
        network=MLPSettings((256, 256), initializer="glorot_uniform", output_limit=None, output_bias=0.0),
        optimizer=InnerOptimizer("adam", learning_rate=3e-4),
        weight_decay=swept.weight_decay,
        decayed_layers="all",
        sparsity_aware_initialization=swept.sparsity_aware_initialization,
        total_steps=1_000_000,
        evaluation=EvaluationSettings(interval_steps=10_000, num_episodes=30),
    )
    if preset != "sb3":
        return paper
    network = dataclasses.replace(paper.network, initializer="fan_in_uniform")
    agent = SACSettings(warmup_steps=100)
    return dataclasses.replace(
        paper,
        agent=agent,
        network=network,
        optimizer=dataclasses.replace(paper.optimizer, epsilon=1e-8),
        weight_decay=0.0,
        sparsity_aware_initialization=True,
    )


# Table 3. Methods that it does not have take the values of the one they are closest to.
PPO_SWEEP: Mapping[str, Swept] = {
    "dense": Swept(1e-6),
    "prune": Swept(1e-6, interval_updates=500, sparsity_aware_initialization=False),
    "static": Swept(0.0),
    "snip": Swept(0.0),
    "set": Swept(1e-6, interval_updates=100, drop_fraction=0.0),
    "rigl": Swept(1e-4, interval_updates=250, drop_fraction=0.3),
}
PPO_UPDATES = 156_480  # of 489 rollouts, in the published code's windows


def ppo_mujoco(method: str, preset: PresetName, environment: str) -> Preset:
    """PPO on MuJoCo: Table 3 and the unnumbered one, `ppo_mujoco_*.gin` of the published code, or SB3's defaults.

    Where the tables are silent, `paper` takes what the published code had (Deviation 31).
    """
    del environment
    swept = PPO_SWEEP.get(method, PPO_SWEEP["rigl"])
    published = preset == "published-code"
    start, stop = (32_000 / PPO_UPDATES, 120_000 / PPO_UPDATES) if published else (0.2, 0.8)
    agent = PPOSettings()
    if published:
        agent = PPOSettings(normalize_before_learning=True, bootstrap_time_limits=False)
    paper = Preset(
        agent=agent,
        method=_configured(method, stop, swept.interval_updates, swept.drop_fraction, pruning_start=start),
        network=MLPSettings(
            (64, 64), "tanh", "orthogonal", output_limit=None, output_gain=math.sqrt(0.1), output_bias=0.0
        ),
        optimizer=InnerOptimizer("adam", 3e-4, epsilon=1e-5, annealing="linear", max_gradient_norm=0.5),
        weight_decay=swept.weight_decay,
        decayed_layers="all",
        sparsity_aware_initialization=swept.sparsity_aware_initialization,
        total_steps=1_000_000,
        evaluation=EvaluationSettings(interval_steps=7 * 2_048 if published else 2_000, num_episodes=20),
    )
    if preset != "sb3":
        return paper
    return dataclasses.replace(
        paper,
        agent=PPOSettings(
            observation_limit=None,
            reward_limit=None,
            squash_mean=False,
            deviation="exponential",
            initial_deviation=1.0,
            value_activation="tanh",
            value_output_limit=None,
        ),
        network=dataclasses.replace(paper.network, gain=math.sqrt(2.0), output_gain=0.01),
        optimizer=InnerOptimizer("adam", 3e-4, epsilon=1e-5, max_gradient_norm=0.5),
        weight_decay=0.0,
        sparsity_aware_initialization=True,
        evaluation=EvaluationSettings(interval_steps=10_000, num_episodes=20),
    )


def _configured(
    name: str, stop_fraction: float, interval_updates: int, drop_fraction: float, pruning_start: float = 0.2
) -> SparseMethod:
    """A method with the tables' values where it has such a choice; methods of other packages keep their defaults."""
    method = find_method(name)
    start_fraction = pruning_start if name == "prune" else 0.0
    values = {"window": Window(start_fraction, stop_fraction, interval_updates), "drop_fraction": drop_fraction}
    if name not in METHODS:
        return method()
    return method(**{field.name: values[field.name] for field in dataclasses.fields(method) if field.name in values})


PRESETS: Mapping[str, Callable[[str, PresetName, str], Preset]] = {
    "dqn": dqn_classic_control,
    "sac": sac_mujoco,
    "ppo": ppo_mujoco,
}
