"""The memory that replays take, and whether this machine has it."""

from typing import Any

import jax

from sparserl import persistence
from sparserl.experiment.choices import Experiment
from sparserl.experiment.plan import Plan, plan_of, whole_steps
from sparserl.types import UserError

SPARE_BYTES = 2**30  # for all of a process that is not replay


def capacity_steps(plan: Plan) -> int:
    """Steps per environment that the replay is made for: no more than the run fills; 0 where there is no replay."""
    settings: Any = plan.experiment.agent
    return min(settings.replay_capacity_steps, whole_steps(plan.experiment)) if plan.kind.memory else 0


def replay_bytes(plan: Plan) -> int:
    """What the replay holds when it is full, `num_environments` together."""
    return _bytes_of(plan, capacity_steps(plan))


def check_memory(experiment: Experiment | Plan, num_at_once: int = 1) -> None:
    """Raises UserError where this machine has not the memory for the replays of so many runs at once."""
    plan = plan_of(experiment)
    settings: Any = plan.experiment.agent
    needed = num_at_once * replay_bytes(plan)
    if not needed or (limit := _memory_bytes()) is None or needed + SPARE_BYTES <= limit:
        return
    empty_bytes, bytes_of_one = (num_at_once * _bytes_of(plan, steps) for steps in (0, 1))
    most = (limit - SPARE_BYTES - empty_bytes) // (bytes_of_one - empty_bytes)
    remedy = f"at most {most} fit" if most > 0 else "none fits beside the rest"
    those = f" of each of {num_at_once} runs at once" if num_at_once > 1 else ""
    raise UserError(
        f"{capacity_steps(plan)} steps{those} take {needed / 1e9:.1f} GB, and this machine has "
        f"{limit / 1e9:.1f} GB of memory; lower it: {remedy}",
        field="agent.replay_capacity_steps",
        value=settings.replay_capacity_steps,
    )


def _bytes_of(plan: Plan, capacity_steps: int) -> int:
    """What rings of so many steps take, one for each environment."""
    memory, num_envs = plan.kind.memory, plan.experiment.num_environments
    return 0 if memory is None else num_envs * memory(plan.spec).num_bytes(plan.spec, capacity_steps)


def _memory_bytes() -> int | None:
    """Of the device that computes; None where it does not tell."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return persistence.memory_bytes()
    return (device.memory_stats() or {}).get("bytes_limit")
