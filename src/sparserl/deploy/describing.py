"""Describing: the contract of a policy, from its experiment and from what its environment tells of itself."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sparserl import persistence
from sparserl.deploy import features
from sparserl.deploy.contract import Actions, Contract, LayerFacts, Observations, Timing
from sparserl.deploy.steps import Step, weighted
from sparserl.environments import registry
from sparserl.experiment import Experiment
from sparserl.types import Box, Decision, Discrete, EnvSpec, Normalizer, UserError

T = TypeVar("T")
_FRAMES_A_SECOND = 60  # of Atari's screen
_ATARI_SKIP = 4  # frames for which `environments.atari` holds an action
_ELSEWHERE = ("atari:", "MinAtar/", "playground:")  # they are none of Gymnasium's


def contract_of(
    experiment: Experiment,
    spec: EnvSpec,
    decision: Decision,
    normalizer: Normalizer | None,
    limit: float,
    divisor: float,
    steps: Sequence[Step],
    training: Mapping[str, Any],
) -> Contract:
    """The contract of a policy in an environment of `spec`."""
    with _environment(experiment) as environment:
        inner = getattr(environment, "unwrapped", None)
        observation = _observations(experiment, spec, environment, normalizer, limit, divisor)
        action = _actions(experiment, spec, decision, environment)
        timing = _timing(experiment, spec, inner)
    layers = tuple(
        LayerFacts(step.name, step.kernel.shape, step.kernel.size, int(step.live.sum()), step.activation)
        for step in weighted(steps)
    )
    return Contract(observation, action, timing, layers, training)


def provenance(experiment: Experiment, run: Path) -> dict[str, Any]:
    """Where a policy comes from: its experiment, seed, machine, versions, steps, and what it reached."""
    folder = persistence.experiment_folder(run)
    stored, status = persistence.read_experiment(folder), persistence.read_status(run)
    held = persistence.run_in(run, persistence.EVALUATIONS) or persistence.RunId.of(run)
    return {
        "experiment_id": held.experiment,
        "seed": held.seed,
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "environment": experiment.environment,
        "sparsity": experiment.sparsity,
        "distribution": experiment.distribution,
        "results_version": stored["choices"]["results_version"],
        "total_steps": experiment.total_steps,
        "environment_steps": status.environment_steps if status else None,
        "final_return": status.final_return if status else None,
        "evaluation_episodes": experiment.evaluation.num_episodes,
        "final_fraction": experiment.evaluation.final_fraction,
        "machine": dict(status.machine) if status and status.machine else None,
        "finished": status.updated if status else None,
    }


@contextmanager
def _environment(experiment: Experiment) -> Iterator[Any]:
    """One of Gymnasium's environments, to look at; None where it is none of these, or cannot be made here."""
    environment, name = None, experiment.environment
    if not name.startswith(_ELSEWHERE):
        with suppress(UserError):
            environment = registry.make(name, registry.find(name))
    try:
        yield environment
    finally:
        if environment is not None:
            with suppress(Exception):
                environment.close()


def _observations(
    experiment: Experiment,
    spec: EnvSpec,
    environment: Any,
    normalizer: Normalizer | None,
    limit: float,
    divisor: float,
) -> Observations:
    space: Any = getattr(environment, "observation_space", None)
    inner, size = getattr(environment, "unwrapped", None), math.prod(spec.observation_shape)
    same = space is not None and space.shape == spec.observation_shape
    flat = lambda array: np.asarray(array, np.float64).ravel().tolist()
    dtype: Any = spec.observation_dtype.name
    low, high = (_bounds(space.low), _bounds(space.high)) if same else _of_type(dtype, size)
    return Observations(
        shape=spec.observation_shape,
        dtype=dtype,
        low=low,
        high=high,
        features=_told(lambda: features.of_observations(experiment.environment, inner, size)),
        meaning=_meaning(experiment, spec, space, inner),
        divisor=divisor,
        mean=None if normalizer is None else flat(normalizer.mean),
        scale=None if normalizer is None else flat(normalizer.scale),
        limit=limit,
        stacked_frames=spec.stacked_frames,
    )


def _of_type(dtype: str, size: int) -> tuple[list[float | None] | None, list[float | None] | None]:
    """The bounds that a type has by itself; those of floats are none."""
    highest = {"uint8": 255.0, "bool": 1.0}.get(dtype)
    return (None, None) if highest is None else ([0.0] * size, [highest] * size)


def _meaning(experiment: Experiment, spec: EnvSpec, space: Any, inner: Any) -> str:
    """Where what the numbers mean can be looked up, and what is done to them before a policy sees them."""
    name = experiment.environment
    told = f"as {type(inner).__module__}.{type(inner).__qualname__} documents it" if inner is not None else f"of {name}"
    if name.startswith("atari:"):
        told = f"the last frames of {name}, newest last: largest of two screens, gray, 84 x 84 by areas"
    if space is not None and space.dtype != spec.observation_dtype:
        told += f"; the environment shows {space.dtype}, which becomes {spec.observation_dtype}"
    if space is not None and len(space.shape) == 3 and space.shape != spec.observation_shape:
        told += f"; the environment shows {space.shape}, whose first axis, the channels, becomes the last"
    if experiment.fake_features:
        told += f"; then features of standard normal noise, {experiment.fake_features:g} of all, drawn anew each step"
    return told


def _actions(experiment: Experiment, spec: EnvSpec, decision: Decision, environment: Any) -> Actions:
    inner, space = getattr(environment, "unwrapped", None), getattr(environment, "action_space", None)
    named = lambda count: _told(lambda: features.of_actions(experiment.environment, inner, count))
    if isinstance(spec.action, Discrete):
        count = spec.action.num_actions
        first = int(getattr(space, "start", 0))
        return Actions("discrete", decision, count, first, names=named(count))
    assert isinstance(spec.action, Box)
    low, high = (_bounds(np.broadcast_to(bound, spec.action.shape)) for bound in (spec.action.low, spec.action.high))
    shape = spec.action.shape
    return Actions("continuous", decision, shape=shape, low=low, high=high, names=named(math.prod(shape)))


def _timing(experiment: Experiment, spec: EnvSpec, inner: Any) -> Timing:
    name = experiment.environment
    if name.startswith("atari:"):
        return Timing(name, _ATARI_SKIP / _FRAMES_A_SECOND, _ATARI_SKIP, spec.time_limit_steps)
    seconds = next((each for each in (_number(inner, "dt"), _number(inner, "tau")) if each), None)
    skip = _number(inner, "frame_skip")
    return Timing(name, seconds, None if skip is None else int(skip), spec.time_limit_steps)


def _number(inner: Any, name: str) -> float | None:
    value = _told(lambda: getattr(inner, name, None))
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None  # type: ignore[arg-type]


def _told(ask: Callable[[], T]) -> T | None:
    """What code that is not ours answers, None where it fails: its attributes may be for other use."""
    with suppress(Exception):
        return ask()
    return None


def _bounds(bound: np.ndarray) -> list[float | None]:
    """Bounds as plain data, flattened; None for infinite ones, which JSON has no word for."""
    return [float(each) if np.isfinite(each) else None for each in np.asarray(bound).ravel()]
