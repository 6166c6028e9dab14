"""Environments: compiled (JAX programs) and host (Gymnasium) behind the same Protocol."""

from collections.abc import Callable
from typing import Literal, get_args

from sparserl.environments.atari import AtariEnvironment
from sparserl.environments.classic import DEFAULT_TASKS, ClassicEnvironment
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
from sparserl.environments.pictures import Filmed, filmed, try_pictures
from sparserl.environments.playground import PREFIX, PlaygroundEnvironment
from sparserl.environments.registry import registered_names
from sparserl.environments.shared_random import seed as seed_shared_generators
from sparserl.environments.snapshots import Snapshot
from sparserl.environments.tasks import TASKS, Task
from sparserl.environments.turns import MOST_AT_ONCE, InTurns, Recording, num_at_once
from sparserl.types import Environment, UserError, innermost

__all__ = [
    "ATARI_15",
    "DEFAULT_TASKS",
    "GAMES",
    "MOST_AT_ONCE",
    "MOST_FAKE",
    "TASKS",
    "Arithmetic",
    "AtariEnvironment",
    "Backend",
    "ClassicEnvironment",
    "FakeFeatures",
    "Filmed",
    "HostEnvironment",
    "InTurns",
    "MinAtarEnvironment",
    "NoisyObservations",
    "PlaygroundEnvironment",
    "Recording",
    "Snapshot",
    "Task",
    "close",
    "deviation_of",
    "environment_names",
    "has_pixels",
    "is_compiled",
    "is_foreign",
    "known_specification",
    "make",
    "make_filmed",
    "make_for_evaluation",
    "no_spread",
    "num_at_once",
    "seed_shared_generators",
    "try_filming",
    "with_observations",
]

Backend = Literal["auto", "compiled", "host"]


def make(identifier: str, num_envs: int, backend: Backend = "auto") -> Environment:
    """`num_envs` environments by their name in Gymnasium, or by `module:name` where `module` registers them.

    `atari:name` is an Atari game; unless the backend is `host`, `playground:name` comes from MuJoCo Playground and
    `MinAtar/name` from MinAtar. `auto` takes the compiled form of `DEFAULT_TASKS`. Raises `UserError`, in one line, for
    an unknown name, a missing package, and spaces that no agent here can use.
    """
    return _kind(identifier, backend)(identifier, num_envs)


def make_for_evaluation(identifier: str, num_envs: int, backend: Backend = "auto") -> Environment:
    """As `make`, but no more than MOST_AT_ONCE environments of Gymnasium, which take turns where there are more."""
    if is_foreign(identifier, backend) and num_envs > MOST_AT_ONCE:
        return InTurns(identifier, num_envs)
    return make(identifier, num_envs, backend)


def make_filmed(identifier: str, num_envs: int, backend: Backend = "auto") -> Filmed:
    """As `make_for_evaluation`, with pictures of the first place; `try_filming` says whether there are any."""
    return filmed(identifier, num_envs, _kind(identifier, backend))


def try_filming(identifier: str, backend: Backend = "auto") -> None:
    """Raises `UserError`, in one line, where the environment has no pictures here: it may need an installation."""
    try_pictures(identifier, _kind(identifier, backend))


def is_compiled(identifier: str, backend: Backend = "auto") -> bool:
    """Whether it is a program, which runs inside that of the agent."""
    return _kind(identifier, backend) not in (HostEnvironment, AtariEnvironment)


def is_foreign(identifier: str, backend: Backend = "auto") -> bool:
    """Whether it comes from Gymnasium: each is an object, perhaps a process, with a life of its own."""
    return _kind(identifier, backend) is HostEnvironment


def close(environment: Environment) -> None:
    """Release what an environment, or the one inside its wrappers, holds; it can be said again, and never raises."""
    if (of_inner := getattr(innermost(environment), "close", None)) is not None:
        of_inner()


def _kind(identifier: str, backend: Backend) -> Callable[[str, int], Environment]:
    if backend not in get_args(Backend):
        raise UserError(field="backend", value=backend, allowed=get_args(Backend))
    if identifier.startswith(PREFIX) and backend != "host":
        return PlaygroundEnvironment
    if identifier.startswith(MINATAR) and backend != "host":
        return MinAtarEnvironment
    if backend == "compiled" or (backend == "auto" and identifier in DEFAULT_TASKS):
        return ClassicEnvironment
    return AtariEnvironment if identifier.startswith(ATARI_PREFIX) else HostEnvironment


def environment_names() -> tuple[str, ...]:
    """Classic control and MinAtar, the newest versions in Gymnasium whose packages are installed, and Atari games."""
    compiled = (*DEFAULT_TASKS, *GAMES)
    return (*compiled, *(name for name in registered_names() if name not in compiled), *game_names())
