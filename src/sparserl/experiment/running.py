"""One run of an experiment: a seed from its first step to its last."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from sparserl import persistence, training
from sparserl.experiment.building import Built, build
from sparserl.experiment.choices import Experiment
from sparserl.experiment.observing import observe
from sparserl.experiment.pace import Pace
from sparserl.experiment.planning import planned
from sparserl.experiment.resuming import Captured, capture, restore
from sparserl.persistence import Generation
from sparserl.sparsity import kernels, topology
from sparserl.training import LoopState
from sparserl.types import Agent, AgentState, Divergence


class RunFailure(Exception):
    """A run that cannot go on, told in one line: its environment broke."""


class Report(NamedTuple):
    """What a run tells at each stop; `evaluation` is a row of the results store where one was due.

    `diagnostics` are rows of theirs where an evaluation was due and they were asked for. `capture()` is everything that
    decides how the run goes on.
    """

    state: LoopState
    environment_steps: int
    num_updates: int
    last_return: float  # of the training episode that ended last; NaN before the first
    live_density: float
    evaluation: dict[str, Any] | None
    diagnostics: list[dict[str, Any]]
    capture: Callable[[], Captured]


def run(
    experiment: Experiment,
    seed: int,
    chunk_steps: int | None = 1_000,
    diagnostics: bool = False,
    checkpoint: Generation | None = None,
) -> Iterator[Report]:
    """One seed from its first step to its last: a report every `chunk_steps` and at each evaluation.

    chunk_steps: None takes as many as last about a second. checkpoint: where to go on from, captured by a run of the
    same experiment and seed; the first report is then the next one. A report's state is valid until the next one only.
    The results depend neither on `chunk_steps` nor on stops at checkpoints, nor on `diagnostics`, which are recorded at
    evaluations where they are asked for. Raises `RunFailure`, and `Divergence` where what is trained is not finite.
    """
    experiment = planned(experiment)
    built, began = build(experiment), time.monotonic()
    train_key, evaluation_key = jax.random.split(jax.random.key(seed))
    evaluate = training.evaluator(built.agent, built.evaluation_environment, experiment.evaluation.max_episode_steps)
    interval, evaluated, looked_at = experiment.evaluation.interval_steps, -1, -1
    if checkpoint is None:
        state = training.start(built.agent, built.environment, train_key)
        observer = observe(experiment, seed, built, state.agent) if diagnostics else None
    else:
        state, histories = restore(built, checkpoint, diagnostics)
        observer = observe(experiment, seed, built, state.agent, histories) if diagnostics else None
        evaluated, looked_at = int(state.num_steps) // interval, int(state.num_steps)
        began -= checkpoint.document["seconds"]

    def report(state: LoopState) -> Report:
        nonlocal evaluated, looked_at
        num_steps, row, rows = int(state.num_steps), None, list[dict[str, Any]]()
        density = live_density(state.agent)
        due = num_steps // interval > evaluated or num_steps >= experiment.total_steps
        if due and num_steps > looked_at:
            evaluated, looked_at = num_steps // interval, num_steps
            persistence.passing("evaluation")
            result = evaluate(jax.random.fold_in(evaluation_key, num_steps), state.agent)
            row = _row(experiment, seed, built, num_steps, result, density, time.monotonic() - began)
            rows = observer.rows(num_steps, state.agent) if observer else []
        last = np.asarray(state.episodes.last_return)
        mean = float(last[~np.isnan(last)].mean()) if (~np.isnan(last)).any() else math.nan
        steps = num_steps * experiment.num_environments
        updates = built.agent.num_updates(num_steps)
        return Report(state, steps, updates, mean, density, row, rows, lambda: captured(state))

    def captured(state: LoopState) -> Captured:
        found = capture(built, state, observer.histories if observer else None)
        return found._replace(document={**found.document, "seconds": time.monotonic() - began})

    before = int(state.num_steps)
    if checkpoint is None or before >= experiment.total_steps:  # or it was killed when only its end was to be stored
        yield report(state)
    due = training.stops(experiment.total_steps, interval)
    pace = Pace(before, due, observer.steps if observer else [], chunk_steps)
    for state, metrics in training.train(built.agent, built.environment, train_key, state, pace.stops()):
        num_steps = int(state.num_steps)
        observer = observer and observer.after(before, num_steps, state.agent)
        if pace.reached(num_steps):
            _check_health(experiment, built.agent, state, metrics)
            yield report(state)
        before = num_steps


def _check_health(experiment: Experiment, agent: Agent, state: LoopState, metrics: Mapping[str, Any]) -> None:
    num_steps = int(state.num_steps)
    if agent.num_updates(num_steps) > 0 and not np.isfinite(np.asarray(metrics["loss"])).all():
        raise Divergence(f"training diverged before step {num_steps}: the loss is {float(metrics['loss'])}")
    if not np.asarray(state.healthy).all():
        raise RunFailure(f"environment {experiment.environment} returned NaN or infinity before step {num_steps}")


def _row(
    experiment: Experiment, seed: int, built: Built, num_steps: int, result: Any, density: float, seconds: float
) -> dict[str, Any]:
    """One evaluation as a row of the results store."""
    returns = np.asarray(result.returns, np.float64)
    return {
        "experiment_id": experiment.identifier,
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "environment": experiment.environment,
        "sparsity": experiment.sparsity,
        "seed": seed,
        "environment_steps": num_steps * experiment.num_environments,
        "num_updates": built.agent.num_updates(num_steps),
        "mean_return": float(returns.mean()),
        "standard_deviation": float(returns.std()),
        "minimum_return": float(returns.min()),
        "maximum_return": float(returns.max()),
        "num_episodes": len(returns),
        "mean_length_steps": float(np.asarray(result.lengths).mean()),
        "live_density": density,
        "seconds": seconds,
    }


def live_density(state: AgentState) -> float:
    """Fraction of all kernel weights that are alive now."""
    live = total = 0
    for group in state.groups.values():
        masks = topology(group)
        for name, kernel in kernels(group.params).items():
            total += kernel.size
            live += int(np.count_nonzero(np.asarray(masks[name]))) if name in masks else kernel.size
    return live / total
