"""The environment of an experiment, and what can be known of it without making it."""

import contextlib
import functools
from collections.abc import Iterable
from typing import NamedTuple

from sparserl import environments
from sparserl.experiment.choices import Experiment
from sparserl.types import Environment, EnvSpec, innermost


def specification(experiment: Experiment) -> EnvSpec:
    """What the agent may know of the environment."""
    return _specification(experiment.environment, experiment.environment_backend, experiment.fake_features)


def make_environment(experiment: Experiment, num_envs: int) -> Environment:
    """`num_envs` environments as the experiment has them, fake features included."""
    return _made(experiment.environment, num_envs, experiment.environment_backend, experiment.fake_features)


@functools.cache
def _specification(identifier: str, backend: environments.Backend, fake_features: float) -> EnvSpec:
    known = None if fake_features or backend == "compiled" else environments.known_specification(identifier)
    return known or _shown(identifier, backend, fake_features).spec


def require_environment(experiment: Experiment) -> None:
    """Raises `UserError` where the environment cannot be made here, though it may be known what it shows."""
    _shown(experiment.environment, experiment.environment_backend, experiment.fake_features)


def unseeded(experiment: Experiment) -> str | None:
    """Why results with the environment cannot be repeated, in one line; None where equal seeds give equal resets."""
    if environments.known_specification(experiment.environment):  # Atari, which need not be made to know it
        return None
    shown = _shown(experiment.environment, experiment.environment_backend, experiment.fake_features)
    return shown.unseeded and (
        f"environment {experiment.environment!r} differs between two resets with the same seed: {shown.unseeded}; no "
        "run with it can be repeated, and its results are marked (randomness is unseeded)"
    )


def unseeded_in(experiments: Iterable[Experiment]) -> list[str]:
    """The same of several, each line once."""
    return list(dict.fromkeys(why for experiment in experiments if (why := unseeded(experiment))))


class _Shown(NamedTuple):
    spec: EnvSpec
    unseeded: str | None


@functools.cache  # making a host environment takes as long as planning ten experiments
def _shown(identifier: str, backend: environments.Backend, fake_features: float) -> _Shown:
    environment = _made(identifier, 1, backend, fake_features)
    return _Shown(environment.spec, _unseeded(innermost(environment)))


def _unseeded(environment: Environment) -> str | None:
    """Asked of an environment that nobody will use; one whose reset fails tells when it is trained."""
    if isinstance(environment, environments.HostEnvironment):
        with contextlib.suppress(Exception, SystemExit):
            return environment.unseeded()
    return None


def _made(identifier: str, num_envs: int, backend: environments.Backend, fake_features: float) -> Environment:
    environment = environments.make(identifier, num_envs, backend)
    return environments.FakeFeatures(environment, fake_features) if fake_features else environment
