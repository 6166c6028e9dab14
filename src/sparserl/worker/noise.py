"""Noise: a finished run's policy evaluated under noise on its observations; a row is stored as soon as it is known.

The rows are those of `sparserl evaluate RUN --observation-noise`: its seed, as many episodes as in training, and the
arithmetic of the preset that the experiment came from. Each deviation comes upon the same episodes, so that rows do not
depend on which others were asked for, or on how often the process was killed on its way.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax

from sparserl import persistence
from sparserl.experiment import (
    Experiment,
    close_environment,
    make_evaluation_environment,
    next_returns,
    noise_arithmetic,
    noise_row,
    rebuild,
    seed_shared_generators,
    stored_experiment,
    under_noise,
)
from sparserl.persistence import Attempt, RunId
from sparserl.types import UserError

SEED = 0


def waiting(run_folders: Sequence[Path], deviations: Sequence[float]) -> list[Path]:
    """The runs that lack some evaluation. Raises UserError for one that has not finished: it has no policy yet."""
    for folder in run_folders:
        status = persistence.read_status(folder)
        if status is None or status.status != "finished":
            state = "has not begun" if status is None else f"is {status.status}"
            raise UserError(f"{folder} cannot be evaluated under noise: the run {state}, and only finished ones are")
    return [folder for folder in run_folders if persistence.missing_noise(folder, deviations)]


def evaluate(attempt: Attempt, deviations: Sequence[float], is_stopped: Callable[[], bool]) -> None:
    """Evaluate one run under what it lacks. Raises KeyboardInterrupt after the evaluation in which it was stopped."""
    run = attempt.run_folder
    rows, left = persistence.noise_rows(run), persistence.missing_noise(run, deviations)
    experiment = stored_experiment(run)
    seed_shared_generators(SEED)  # environments may draw from them when they are made
    environment = make_evaluation_environment(experiment, experiment.evaluation.num_episodes)
    try:
        _, learner, state = rebuild(run)
        arithmetic = noise_arithmetic(persistence.read_experiment(run.parent), environment.spec)
        key, settings = jax.random.key(SEED), experiment.evaluation
        evaluations = under_noise(learner.agent, state, environment, settings, key, left, arithmetic)
        for deviation in left:
            row = noise_row(float(deviation), next_returns(experiment, evaluations))
            rows.append({**_identity(experiment, run), **row})
            persistence.write_noise(run, rows, attempt.scratch)
            if is_stopped():
                raise KeyboardInterrupt
    finally:
        close_environment(environment)


def _identity(experiment: Experiment, run: Path) -> dict[str, Any]:
    return {
        "experiment_id": RunId.of(run).experiment,
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "environment": experiment.environment,
        "sparsity": float(experiment.sparsity),
        "seed": RunId.of(run).seed,
    }
