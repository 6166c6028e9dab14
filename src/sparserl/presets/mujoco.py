"""SAC and PPO on MuJoCo."""

import dataclasses
import math
from collections.abc import Mapping

from sparserl.agents.ppo import PPOSettings
from sparserl.agents.sac import SACSettings
from sparserl.networks import MLPSettings
from sparserl.presets.tables import NetworkName, Preset, PresetName, Swept, configured, only_mlp
from sparserl.sparsity import InnerOptimizer
from sparserl.training import EvaluationSettings

# Table 2. Methods that it lacks take the values of the method closest to them.
SAC_SWEEP: Mapping[str, Swept] = {
    "dense": Swept(1e-4),
    "prune": Swept(1e-4),
    "static": Swept(1e-4, sparsity_aware_initialization=False),
    "snip": Swept(1e-4, sparsity_aware_initialization=False),
    "set": Swept(1e-4, interval_updates=250, drop_fraction=0.3),
    "rigl": Swept(1e-6),
}
FEW_WARMUP_STEPS = ("Hopper", "Walker2d", "Humanoid")  # 1,000 random steps there, 10,000 elsewhere (Table 8)


def sac_mujoco(method: str, preset: PresetName, environment: str, network: NetworkName | None = None) -> Preset:
    """SAC on MuJoCo: Tables 2 and 8, `sac_mujoco_*.gin` of the published code (Deviation 27), or SB3's defaults.

    Stable-Baselines3 2.9 has no sparse networks: whatever it leaves open is as in the paper.
    """
    only_mlp("sac", network)
    swept = SAC_SWEEP.get(method, SAC_SWEEP["rigl"])
    few = environment.rpartition(":")[2].startswith(FEW_WARMUP_STEPS)
    published = {"reward_scale": 0.1, "target_entropy_per_dimension": -0.5, "log_deviation_minimum": -math.inf}
    choices = {**published, "log_deviation_maximum": math.inf} if preset == "published-code" else {}
    mlp = MLPSettings((256, 256), initializer="glorot_uniform", output_limit=None, output_bias=0.0)
    paper = Preset(
        agent=SACSettings(warmup_steps=1_000 if few else 10_000, **choices),  # type: ignore[arg-type]
        method=configured(method, 0.8, swept.interval_updates, swept.drop_fraction),
        network=mlp,
        optimizer=InnerOptimizer("adam", learning_rate=3e-4),
        weight_decay=swept.weight_decay,
        decayed_layers="all",
        sparsity_aware_initialization=swept.sparsity_aware_initialization,
        total_steps=1_000_000,
        evaluation=EvaluationSettings(interval_steps=10_000, num_episodes=30),
    )
    if preset != "sb3":
        return paper
    agent = SACSettings(warmup_steps=100)
    return dataclasses.replace(
        paper,
        agent=agent,
        network=dataclasses.replace(mlp, initializer="fan_in_uniform"),
        optimizer=dataclasses.replace(paper.optimizer, epsilon=1e-8),
        weight_decay=0.0,
        sparsity_aware_initialization=True,
    )


# Table 3. Methods that it lacks take the values of the method closest to them. Intervals: Deviation 59.
PPO_SWEEP: Mapping[str, Swept] = {
    "dense": Swept(1e-6),
    "prune": Swept(1e-6, interval_updates=500, sparsity_aware_initialization=False),
    "static": Swept(0.0),
    "snip": Swept(0.0),
    "set": Swept(1e-6, interval_updates=100, drop_fraction=0.0),
    "rigl": Swept(1e-4, interval_updates=250, drop_fraction=0.3),
}
PPO_UPDATES = 156_480  # of 489 rollouts, in the published code's windows


def ppo_mujoco(method: str, preset: PresetName, environment: str, network: NetworkName | None = None) -> Preset:
    """PPO on MuJoCo: Table 3 and the unnumbered one, `ppo_mujoco_*.gin` of the published code, or SB3's defaults.

    Where the tables are silent, `paper` has the published code's values (Deviation 31).
    """
    del environment
    only_mlp("ppo", network)
    swept = PPO_SWEEP.get(method, PPO_SWEEP["rigl"])
    published = preset == "published-code"
    start, stop = (32_000 / PPO_UPDATES, 120_000 / PPO_UPDATES) if published else (0.2, 0.8)
    agent = PPOSettings()
    if published:
        agent = PPOSettings(normalize_before_learning=True, bootstrap_time_limits=False)
    mlp = MLPSettings((64, 64), "tanh", "orthogonal", output_limit=None, output_gain=math.sqrt(0.1), output_bias=0.0)
    paper = Preset(
        agent=agent,
        method=configured(method, stop, swept.interval_updates, swept.drop_fraction, pruning_start=start),
        network=mlp,
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
        network=dataclasses.replace(mlp, gain=math.sqrt(2.0), output_gain=0.01),
        optimizer=InnerOptimizer("adam", 3e-4, epsilon=1e-5, max_gradient_norm=0.5),
        weight_decay=0.0,
        sparsity_aware_initialization=True,
        evaluation=EvaluationSettings(interval_steps=10_000, num_episodes=20),
    )
