"""The published choices: the paper's tables, and the values its published code really used, by agent and method."""

from collections.abc import Mapping

from sparserl.presets.classic_control import dqn_classic_control
from sparserl.presets.mujoco import ppo_mujoco, sac_mujoco
from sparserl.presets.pixels import dqn_atari, dqn_minatar
from sparserl.presets.tables import NETWORKS, NetworkName, Preset, PresetName, PresetTable, network_name
from sparserl.types import UserError

__all__ = ["NETWORKS", "PRESETS", "NetworkName", "Preset", "PresetName", "PresetTable", "network_name"]

FAMILIES: Mapping[str, PresetTable] = {"atari:": dqn_atari, "MinAtar/": dqn_minatar}  # by prefix of an environment


def dqn(method: str, preset: PresetName, environment: str, network: NetworkName | None = None) -> Preset:
    """DQN's table for the family that the environment's name begins with, or else for classic control."""
    if preset == "sb3":
        raise UserError("agent dqn has none", field="preset", value=preset, allowed=("paper", "published-code"))
    families = (table for prefix, table in FAMILIES.items() if environment.startswith(prefix))
    return next(families, dqn_classic_control)(method, preset, environment, network)


PRESETS: Mapping[str, PresetTable] = {"dqn": dqn, "sac": sac_mujoco, "ppo": ppo_mujoco}
