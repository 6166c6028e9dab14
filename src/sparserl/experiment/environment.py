"""The environment of an experiment, and what can be known of it without making it."""

import functools

from sparserl import environments
from sparserl.experiment.choices import Experiment
from sparserl.types import Environment, EnvSpec


def specification(experiment: Experiment) -> EnvSpec:
    """What the agent may know of the environment."""
    return _specification(experiment.environment, experiment.environment_backend, experiment.fake_features)


def make_environment(experiment: Experiment, num_envs: int) -> Environment:
    """`num_envs` environments as the experiment has them, fake features included."""
    return _made(experiment.environment, num_envs, experiment.environment_backend, experiment.fake_features)


@functools.cache
def _specification(identifier: str, backend: environments.Backend, fake_features: float) -> EnvSpec:
    known = None if fake_features or backend == "compiled" else environments.known_specification(identifier)
    return known or _shown(identifier, backend, fake_features)


def require_environment(experiment: Experiment) -> None:
    """Raises `UserError` where the environment cannot be made here, though it may be known what it shows."""
    _shown(experiment.environment, experiment.environment_backend, experiment.fake_features)


@functools.cache  # making a host environment takes as long as planning ten experiments
def _shown(identifier: str, backend: environments.Backend, fake_features: float) -> EnvSpec:
    return _made(identifier, 1, backend, fake_features).spec


def _made(identifier: str, num_envs: int, backend: environments.Backend, fake_features: float) -> Environment:
    environment = environments.make(identifier, num_envs, backend)
    return environments.FakeFeatures(environment, fake_features) if fake_features else environment
