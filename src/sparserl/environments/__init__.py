"""Environments: compiled (JAX programs) and host (Gymnasium) behind the same Protocol."""

from typing import Literal, get_args

from sparserl.environments.atari import AtariEnvironment
from sparserl.environments.classic import DEFAULT_TASKS, TASKS, ClassicEnvironment
from sparserl.environments.fake_features import MOST_FAKE, FakeFeatures
from sparserl.environments.games import ATARI_15, known_specification
from sparserl.environments.games import PREFIX as ATARI_PREFIX
from sparserl.environments.games import names as game_names
from sparserl.environments.host import HostEnvironment
from sparserl.environments.minatar import GAMES, MinAtarEnvironment
from sparserl.environments.minatar import PREFIX as MINATAR
from sparserl.environments.observation_noise import (
    Arithmetic,
    NoisyObservations,
    deviation_of,
    has_pixels,
    no_spread,
    with_observations,
)
from sparserl.environments.playground import PREFIX, PlaygroundEnvironment
from sparserl.environments.registry import registered_names
from sparserl.environments.shared_random import seed as seed_shared_generators
from sparserl.environments.snapshots import Snapshot
from sparserl.types import Environment, UserError

__all__ = [
    "ATARI_15",
    "DEFAULT_TASKS",
    "GAMES",
    "MOST_FAKE",
    "TASKS",
    "Arithmetic",
    "AtariEnvironment",
    "Backend",
    "ClassicEnvironment",
    "FakeFeatures",
    "HostEnvironment",
    "MinAtarEnvironment",
    "NoisyObservations",
    "PlaygroundEnvironment",
    "Snapshot",
    "deviation_of",
    "environment_names",
    "has_pixels",
    "known_specification",
    "make",
    "no_spread",
    "seed_shared_generators",
    "with_observations",
]

Backend = Literal["auto", "compiled", "host"]


def make(identifier: str, num_envs: int, backend: Backend = "auto") -> Environment:
    """`num_envs` environments by their name in Gymnasium, or by `module:name` where `module` registers them.

    `atari:name` is an Atari game; unless the backend is `host`, `playground:name` comes from MuJoCo Playground and
    `MinAtar/name` from MinAtar. `auto` takes the compiled form of `DEFAULT_TASKS`. Raises `UserError`, in one line, for
    an unknown name, a missing package, and spaces that no agent here can use.
    """
    if backend not in get_args(Backend):
        raise UserError(field="backend", value=backend, allowed=get_args(Backend))
    if identifier.startswith(PREFIX) and backend != "host":
        return PlaygroundEnvironment(identifier, num_envs)
    if identifier.startswith(MINATAR) and backend != "host":
        return MinAtarEnvironment(identifier, num_envs)
    if backend == "compiled" or (backend == "auto" and identifier in DEFAULT_TASKS):
        return ClassicEnvironment(identifier, num_envs)
    if identifier.startswith(ATARI_PREFIX):
        return AtariEnvironment(identifier, num_envs)
    return HostEnvironment(identifier, num_envs)


def environment_names() -> tuple[str, ...]:
    """Classic control and MinAtar, the newest versions in Gymnasium whose packages are installed, and Atari games."""
    compiled = (*DEFAULT_TASKS, *GAMES)
    return (*compiled, *(name for name in registered_names() if name not in compiled), *game_names())
