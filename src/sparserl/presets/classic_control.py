"""DQN on classic control."""

from collections.abc import Mapping

from sparserl.agents.dqn import DQNSettings
from sparserl.networks import MLPSettings
from sparserl.presets.tables import NETWORKS, NetworkName, Preset, PresetName, configured
from sparserl.sparsity import InnerOptimizer


def dqn_classic_control(
    method: str, preset: PresetName, environment: str, network: NetworkName | None = None
) -> Preset:
    """DQN on classic control: Tables 1 and 6, or `dqn_gym_*.gin` of the published code."""
    del environment
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
        method=configured(method, stop_fraction, interval_updates=1_000, drop_fraction=0.5),
        network=MLPSettings(hidden_units=(512, 512)) if network in (None, "mlp") else NETWORKS[network](),
        optimizer=InnerOptimizer("adam", learning_rate=1e-3),
        weight_decay=1e-6,
        decayed_layers="hidden",
        sparsity_aware_initialization=True,
        total_steps=100_000,
    )
