"""The memory that replays take, and whether this machine has it."""

from typing import Any

import jax

from sparserl import persistence
from sparserl.experiment.choices import Experiment
from sparserl.experiment.planning import specification
from sparserl.types import EnvSpec, UserError

SPARE_BYTES = 2**30  # for all of a process that is not replay


def capacity_steps(experiment: Experiment) -> int:
    """Steps per environment that the replay is made for: no more than the run fills; 0 where there is no replay."""
    settings: Any = experiment.agent
    if experiment.kind.memory is None:
        return 0
    every = settings.steps_per_update
    return min(settings.replay_capacity_steps, -(-experiment.total_steps // every) * every)


def replay_bytes(experiment: Experiment, spec: EnvSpec) -> int:
    """What the replay holds when it is full, `num_environments` together."""
    return experiment.num_environments * _bytes_of(experiment, spec, capacity_steps(experiment))


def check_memory(experiment: Experiment, num_at_once: int = 1) -> None:
    """Raises UserError where this machine has not the memory for the replays of so many runs at once."""
    limit, spec = _memory_bytes(), specification(experiment)
    settings: Any = experiment.agent
    needed = num_at_once * replay_bytes(experiment, spec)
    if limit is None or not needed or needed + SPARE_BYTES <= limit:
        return
    num_rings = num_at_once * experiment.num_environments
    empty_bytes, of_one = (num_rings * _bytes_of(experiment, spec, steps) for steps in (0, 1))
    most = (limit - SPARE_BYTES - empty_bytes) // (of_one - empty_bytes)
    remedy = f"at most {most} fit" if most > 0 else "none fits beside the rest"
    those = f" of each of {num_at_once} runs at once" if num_at_once > 1 else ""
    raise UserError(
        f"{capacity_steps(experiment)} steps{those} take {needed / 1e9:.1f} GB, and this machine has "
        f"{limit / 1e9:.1f} GB of memory; lower it: {remedy}",
        field="agent.replay_capacity_steps",
        value=settings.replay_capacity_steps,
    )


def _bytes_of(experiment: Experiment, spec: EnvSpec, capacity_steps: int) -> int:
    """What one environment's ring of so many steps takes."""
    memory = experiment.kind.memory
    return 0 if memory is None else memory(spec).num_bytes(spec, capacity_steps)


def _memory_bytes() -> int | None:
    """Of the device that computes; None where it does not tell."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return persistence.memory_bytes()
    return (device.memory_stats() or {}).get("bytes_limit")
