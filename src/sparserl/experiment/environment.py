"""The environment of an experiment, and what can be known of it without making it."""

import contextlib
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from sparserl import environments
from sparserl.experiment.choices import Experiment
from sparserl.types import Environment, EnvSpec, innermost


class _Look(NamedTuple):
    """Why episodes of an environment differ, and why it cannot be captured; None where nothing is known against it."""

    unseeded: str | None = None
    obstacle: str | None = None


# What environments that were made in this process have shown, by `_key`.
_shown: dict[tuple[Any, ...], EnvSpec] = {}
_looked: dict[tuple[Any, ...], _Look] = {}  # the same of those that were only looked at


def specification(experiment: Experiment) -> EnvSpec:
    """What the agent may know of the environment, which is made only where nobody knows it by now."""
    if not experiment.fake_features and experiment.environment_backend != "compiled":
        known = environments.known_specification(experiment.environment)
        if known is not None:
            return known
    require_environment(experiment)
    return _shown[_key(experiment)]


def require_environment(experiment: Experiment) -> None:
    """Raises `UserError` where the environment cannot be made here, though it may be known what it shows."""
    if _key(experiment) not in _shown:
        _look(experiment)


def unseeded(experiment: Experiment) -> str | None:
    """Why results with the environment cannot be repeated, in one line; None where equal seeds begin equal episodes."""
    if environments.known_specification(experiment.environment):  # Atari, which need not be made to know it
        return None
    return (why := _look(experiment).unseeded) and (
        f"environment {experiment.environment!r} differs between two resets with the same seed: {why}; no "
        "run with it can be repeated, and its results are marked (randomness is unseeded)"
    )


def unseeded_in(experiments: Iterable[Experiment]) -> list[str]:
    """The same of several, each line once."""
    return list(dict.fromkeys(why for experiment in experiments if (why := unseeded(experiment))))


def environment_obstacle(experiment: Experiment) -> str | None:
    """Why the environment cannot be captured, in one line; None where it seems that it can, which a run tries out."""
    if not environments.is_foreign(experiment.environment, experiment.environment_backend):
        return None
    return _look(experiment).obstacle


def make_environment(experiment: Experiment, num_envs: int) -> Environment:
    """`num_envs` environments as the experiment has them, fake features included; whoever makes them closes them."""
    return _around(experiment, environments.make(*_named(experiment, num_envs)))


def make_evaluation_environment(experiment: Experiment, num_episodes: int) -> Environment:
    """As many places for episodes, played by a limited number of environments."""
    return _around(experiment, environments.make_for_evaluation(*_named(experiment, num_episodes)))


def num_made(experiment: Experiment) -> dict[str, int]:
    """How many environments of Gymnasium a run makes, each a process perhaps: none where they are programs of ours."""
    if not environments.is_foreign(experiment.environment, experiment.environment_backend):
        return {"training": 0, "evaluation": 0}
    at_once = environments.num_at_once(experiment.evaluation.num_episodes)
    evaluation = max(at_once, 2)  # beside a single one another tries whether a snapshot goes on elsewhere
    return {"training": experiment.num_environments, "evaluation": evaluation}


def _look(experiment: Experiment) -> _Look:
    """Make one that nobody will use, and begin episodes; one that fails in them tells when it is trained."""
    if (key := _key(experiment)) not in _looked:
        with contextlib.chdir(os.getcwd()):  # where it was only looked at, its files are not where it wants them
            environment = make_environment(experiment, 1)
            try:
                _looked[key] = _Look()
                inner = innermost(environment)
                if isinstance(inner, environments.HostEnvironment):
                    with contextlib.suppress(Exception, SystemExit):
                        _looked[key] = _Look(inner.unseeded())
                    _looked[key] = _looked[key]._replace(obstacle=inner.snapshot_obstacle())
            finally:
                environments.close(environment)
    return _looked[key]


def make_filmed_environment(experiment: Experiment, num_episodes: int) -> environments.Filmed:
    """The same with pictures of the first place."""
    filmed = environments.make_filmed(*_named(experiment, num_episodes))
    return filmed._replace(environment=_around(experiment, filmed.environment))


def try_filming(experiment: Experiment) -> None:
    """Raises `UserError`, in one line, where the environment has no pictures here: it may need an installation."""
    environments.try_filming(experiment.environment, experiment.environment_backend)


def _around(experiment: Experiment, environment: Environment) -> Environment:
    try:
        if experiment.fake_features:
            environment = environments.FakeFeatures(environment, experiment.fake_features)
    except BaseException:
        environments.close(environment)
        raise
    _shown[_key(experiment)] = environment.spec
    return environment


def _named(experiment: Experiment, num_envs: int) -> tuple[str, int, environments.Backend]:
    return experiment.environment, num_envs, experiment.environment_backend


def _key(experiment: Experiment) -> tuple[Any, ...]:
    return experiment.environment, experiment.environment_backend, experiment.fake_features
