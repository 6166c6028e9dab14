"""Robustness: a trained policy under observation noise of growing deviation, in the same episodes each time."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sparserl import training
from sparserl.environments import (
    Arithmetic,
    InTurns,
    NoisyObservations,
    Recording,
    deviation_of,
    has_pixels,
    no_spread,
    with_observations,
)
from sparserl.experiment.choices import Experiment
from sparserl.experiment.reports import RunFailure
from sparserl.training import Evaluation, EvaluationSettings
from sparserl.types import (
    Agent,
    AgentState,
    Array,
    Environment,
    EnvSpec,
    Key,
    UserError,
    innermost,
    with_innermost,
)


def under_noise(
    agent: Agent,
    state: AgentState,
    environment: Environment,
    settings: EvaluationSettings,
    key: Key,
    deviations: Sequence[float],
    arithmetic: Arithmetic = "clip",
) -> Iterator[Evaluation]:
    """One evaluation for each deviation of the noise, all with the same key; without noise where it is 0.

    deviations: of pixels, in units of their 0-255 values; of other features, in units of the standard deviation that
    each has over all observations of the noise-free evaluation with this key. Raises `UserError` at once where the
    arithmetic does not fit the observations. Graesser et al. 2022, section 8 (Deviations 47 and 48).
    """
    account = training.account_of(environment.num_envs, settings.max_episode_steps, settings.min_steps)
    noisy = NoisyObservations(training.traceable(environment), 0.0, arithmetic)
    plain = training.evaluator(agent, environment, settings.max_episode_steps, settings.min_steps)

    def each() -> Iterator[Evaluation]:
        units = _units(agent, state, environment, settings, key) if any(deviations) else 1.0
        play = training.player(agent, noisy, account)
        for deviation in deviations:
            if deviation == 0:
                yield plain(key, state)
            else:
                seen = dataclasses.replace(noisy, deviation=deviation * units)
                yield training.played(play, seen, key, state).played()

    return each()


def noise_arithmetic(document: Mapping[str, Any], spec: EnvSpec) -> Arithmetic:
    """How noise is added to the observations of an experiment, by its `experiment.json`: the published code had its own
    way with pixels (Deviation 47).
    """
    return "modulo" if document.get("preset") == "published-code" and has_pixels(spec) else "clip"


def next_returns(experiment: Experiment, evaluations: Iterator[Evaluation]) -> np.ndarray:
    """The returns of the next evaluation, float64 `[episode]`.

    Raises RunFailure where the environment breaks meanwhile, or a return is not finite: the request was not wrong.
    """
    try:
        returns = np.asarray(next(evaluations).returns, np.float64)
    except UserError as error:
        raise RunFailure(str(error)) from error
    if not np.isfinite(returns).all():
        raise RunFailure(f"environment {experiment.environment} gave a return that is not finite")
    return returns


def noise_row(deviation: float, returns: np.ndarray) -> dict[str, Any]:
    """Mean and standard deviation over the returns under noise of a deviation."""
    return {
        "observation_noise": deviation,
        "mean_return": float(returns.mean()),
        "standard_deviation": float(returns.std()),
        "num_episodes": len(returns),
    }


def with_noise(
    agent: Agent,
    state: AgentState,
    environment: Environment,
    settings: EvaluationSettings,
    key: Key,
    deviation: float,
    arithmetic: Arithmetic,
    other: Environment,
) -> Environment:
    """`other` with the noise that `under_noise` has in `environment`, an environment of the same kind."""
    units = _units(agent, state, environment, settings, key)
    return NoisyObservations(training.traceable(other), deviation * units, arithmetic)


def _units(
    agent: Agent, state: AgentState, environment: Environment, settings: EvaluationSettings, key: Key
) -> Array | float:
    """What a deviation is counted in: 1 for pixels, `[feature]` for others."""
    if has_pixels(environment.spec):
        return 1.0
    limits = settings.max_episode_steps, settings.min_steps
    inner = innermost(environment)
    if isinstance(inner, InTurns):  # the sums of turn after turn would be rounded in other ways
        recording = Recording(inner)
        training.evaluator(agent, with_innermost(environment, lambda _: recording), *limits)(key, state)
        environment = with_innermost(environment, lambda _: recording.again())
    traced = training.traceable(environment)
    watch = training.Watch(no_spread(traced.spec), with_observations)
    play = training.player(agent, traced, training.account_of(traced.num_envs, *limits), watch)
    _, spread = play(key, state, *traced.reset(training.step_keys(key, training.START).environment))
    return deviation_of(spread)
