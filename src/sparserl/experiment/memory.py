"""The memory that replays take, and whether this machine has it."""

import math

import jax

from sparserl import persistence
from sparserl.agents.dqn import DQNSettings
from sparserl.agents.sac import SACSettings
from sparserl.experiment.choices import Experiment
from sparserl.experiment.planning import specification
from sparserl.types import Box, EnvSpec, UserError

SPARE_BYTES = 2**30  # for all of a process that is not replay
_NUMBER_BYTES, _FLAG_BYTES = 4, 1


def capacity_steps(experiment: Experiment) -> int:
    """Steps per environment that the replay is made for: no more than the run fills; 0 where there is no replay."""
    settings = experiment.agent
    if not isinstance(settings, DQNSettings | SACSettings):
        return 0
    every = settings.steps_per_update
    return min(settings.replay_capacity_steps, -(-experiment.total_steps // every) * every)


def replay_bytes(experiment: Experiment, spec: EnvSpec) -> int:
    """What the replay holds when it is full, `num_environments` together."""
    steps = capacity_steps(experiment)
    return (steps + _spare_rows(experiment, spec)) * _step_bytes(experiment, spec) * experiment.num_environments


def check_memory(experiment: Experiment, num_at_once: int = 1) -> None:
    """Raises UserError where this machine has not the memory for the replays of so many runs at once."""
    limit, spec = _memory_bytes(), specification(experiment)
    needed = num_at_once * replay_bytes(experiment, spec)
    if limit is None or not needed or needed + SPARE_BYTES <= limit:
        return
    step_bytes = num_at_once * _step_bytes(experiment, spec) * experiment.num_environments
    most = (limit - SPARE_BYTES) // step_bytes - _spare_rows(experiment, spec)
    remedy = f"at most {most} fit" if most > 0 else "none fits beside the rest"
    those = f" of each of {num_at_once} runs at once" if num_at_once > 1 else ""
    raise UserError(
        f"agent.replay_capacity_steps is {experiment.agent.replay_capacity_steps}: "  # type: ignore[union-attr]
        f"{capacity_steps(experiment)} steps{those} take {needed / 1e9:.1f} GB, and this machine has "
        f"{limit / 1e9:.1f} GB of memory: lower it; {remedy}"
    )


def _spare_rows(experiment: Experiment, spec: EnvSpec) -> int:
    """Rows beyond the capacity, so that the oldest step can be stacked, too."""
    return spec.stacked_frames - 1 if isinstance(experiment.agent, DQNSettings) else 0


def _step_bytes(experiment: Experiment, spec: EnvSpec) -> int:
    """A transition: observations, action, reward and two flags; of stacked frames the newest, and a count."""
    action = math.prod(spec.action.shape) if isinstance(spec.action, Box) else 1
    rest = _NUMBER_BYTES * (action + 1) + 2 * _FLAG_BYTES
    observation = math.prod(spec.observation_shape) * spec.observation_dtype.itemsize
    if spec.stacked_frames > 1 and isinstance(experiment.agent, DQNSettings):
        return observation // spec.stacked_frames + _NUMBER_BYTES + rest
    return 2 * observation + rest


def _memory_bytes() -> int | None:
    """Of the device that computes; None where it does not tell."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return persistence.memory_bytes()
    return (device.memory_stats() or {}).get("bytes_limit")
