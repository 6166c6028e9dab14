"""Reports: what a run tells of itself at each stop, and what ends it before its last step."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from sparserl.experiment.building import Built
from sparserl.experiment.choices import Experiment
from sparserl.experiment.plan import Plan
from sparserl.experiment.resuming import Captured
from sparserl.sparsity import kernels, num_live
from sparserl.training import Evaluation, LoopState
from sparserl.types import AgentState, Divergence


class RunFailure(Exception):
    """A run that cannot go on, told in one line: its environment broke."""


class Standing(NamedTuple):
    """How a run would go on if it ended now: one of persistence.GOES_ON, why that is not exact, and its breaks so far.

    breaks: the environment steps at which it went on with fresh episodes.
    """

    goes_on: str = "exact"
    obstacle: str | None = None
    breaks: tuple[int, ...] = ()


class Report(NamedTuple):
    """What a run tells at each stop; `evaluation` is a row of the results store where one was due.

    `diagnostics` are rows of theirs where an evaluation was due and they were asked for. `capture()` is everything that
    decides how the run goes on. `state` is without replay where seeds are trained side by side.
    """

    state: LoopState
    environment_steps: int
    num_updates: int
    last_return: float  # of the training episode that ended last; NaN before the first
    live_density: float
    evaluation: dict[str, Any] | None
    diagnostics: list[dict[str, Any]]
    capture: Callable[[], Captured]
    standing: Standing = Standing()
    topology: Sequence[dict[str, Any]] = ()  # rows of theirs, like diagnostics


def report(
    seed: int,
    built: Built,
    state: LoopState,
    evaluated: Evaluation | None,
    seconds: float,
    diagnostics: list[dict[str, Any]],
    capture: Callable[[], Captured],
    standing: Standing = Standing(),  # noqa: B008 - it is a constant
) -> Report:
    """The report of one seed after `seconds`; evaluated: the episodes, where an evaluation was due."""
    num_steps, density = int(state.num_steps), live_density(state.agent)
    row = None if evaluated is None else _row(seed, built, num_steps, evaluated, density, seconds)
    row = row and {**row, "num_breaks": len(standing.breaks)}
    last = np.asarray(state.episodes.last_return)
    mean = float(last[~np.isnan(last)].mean()) if (~np.isnan(last)).any() else math.nan
    steps, updates = num_steps * built.environment.num_envs, built.agent.num_updates(num_steps)
    return Report(state, steps, updates, mean, density, row, diagnostics, capture, standing)


def is_due(experiment: Experiment, before_steps: int, num_steps: int) -> bool:
    """Whether an evaluation is due at `num_steps`, when the last stop was at `before_steps` (-1: there was none)."""
    interval = experiment.evaluation.interval_steps
    passed = num_steps // interval > before_steps // interval or num_steps >= experiment.total_steps
    return passed and num_steps > before_steps


def ending(built: Built, state: LoopState, loss: Any) -> Divergence | RunFailure | None:
    """Why one seed cannot go on from `state`, of the chunk that ended with `loss`; None where it can."""
    num_steps = int(state.num_steps)
    if built.agent.num_updates(num_steps) > 0 and not np.isfinite(np.asarray(loss)).all():
        return Divergence(f"training diverged before step {num_steps}: the loss is {float(loss)}")
    if not np.asarray(state.healthy).all():
        name = built.plan.experiment.environment
        return RunFailure(f"environment {name} returned NaN or infinity before step {num_steps}")
    return None


def _row(seed: int, built: Built, num_steps: int, result: Evaluation, density: float, seconds: float) -> dict[str, Any]:
    """One evaluation as a row of the results store."""
    played = result.played()
    returns = np.asarray(played.returns, np.float64)
    return {
        **place(built.plan, seed, num_steps),
        "mean_return": float(returns.mean()),
        "standard_deviation": float(returns.std()),
        "minimum_return": float(returns.min()),
        "maximum_return": float(returns.max()),
        "num_episodes": len(returns),
        "mean_length_steps": float(np.asarray(played.lengths).mean()),
        "live_density": density,
        "seconds": seconds,
    }


def place(plan: Plan, seed: int, num_steps: int) -> dict[str, Any]:
    """The columns that say of which run, and of which moment in it, a row is."""
    experiment, num_envs = plan.experiment, plan.experiment.num_environments
    return {
        "experiment_id": plan.identifier,
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "environment": experiment.environment,
        "sparsity": experiment.sparsity,
        "seed": seed,
        "environment_steps": num_steps * num_envs,
        "num_updates": experiment.agent.num_updates(num_steps, num_envs),
    }


def live_density(state: AgentState) -> float:
    """Fraction of all kernel weights that are alive now."""
    live = total = 0
    for group in state.groups.values():
        counts = num_live(group)
        for name, kernel in kernels(group.params).items():
            total += kernel.size
            live += counts.get(name, kernel.size)
    return live / total
