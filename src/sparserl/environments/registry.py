"""Gymnasium's registry: lists environments, looks them up, makes them, and describes them to agents."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec as Registration

from sparserl.environments import games
from sparserl.environments.minatar import GAMES
from sparserl.types import Box, Discrete, EnvSpec, UserError

# Packages that families of Gymnasium's own environments need, where the import path does not show it.
_PACKAGES = {"gymnasium.envs.box2d": "Box2D", "gymnasium.envs.mujoco": "mujoco"}
# Unusable here: tabular tasks, whose observations are indices, and names that raise when they are made.
_UNFIT = ("gymnasium.envs.toy_text", "gymnasium.envs.tabular", "gymnasium.envs")
_ATARI = "ale_py.env"  # raw screens, registered once ale-py is imported; agents learn from `atari:Name`


def registered_names() -> list[str]:
    """The newest version of each registered environment whose package is installed, in order of registration."""
    newest: dict[tuple[str | None, str], Registration] = {}
    for registration in gymnasium.registry.values():
        family = (registration.namespace, registration.name)
        if family not in newest or (registration.version or 0) > (newest[family].version or 0):
            newest[family] = registration
    return [registration.id for registration in newest.values() if _seems_fit(registration)]


def _seems_fit(registration: Registration) -> bool:
    """Whether its package is installed, judged from its import path; nothing is imported."""
    entry = registration.entry_point
    if entry is None:
        return False
    module = _module_of(entry)
    parts = module.split(".")
    family = ".".join(parts[:3])
    if family in (*_UNFIT, _ATARI):
        return False
    package = _PACKAGES.get(family, parts[0])
    return package in sys.modules or importlib.util.find_spec(package) is not None


def _module_of(entry: str | Callable[..., Any]) -> str:
    return entry.partition(":")[0] if isinstance(entry, str) else entry.__module__


def find(identifier: str) -> Registration:
    """The registration of exactly this name; `module:name` imports `module` first."""
    module, _, name = identifier.rpartition(":")
    if module:
        try:
            importlib.import_module(module)
        except Exception as error:
            reason = in_one_line(error)
            raise UserError(
                f"module {module!r} cannot be imported: {reason}", field="environment", value=identifier
            ) from error
    registration = gymnasium.registry.get(name)
    if not module and (registration is None or _module_of(registration.entry_point or "") == _ATARI):
        _refuse_atari(name)
    if registration is not None:
        return registration
    raise UserError(
        "it is not registered in Gymnasium; `sparserl environments` lists what is, and module:name imports a module "
        "that registers more",
        field="environment",
        value=identifier,
        names=(*gymnasium.registry, *GAMES),
    )


def _refuse_atari(name: str) -> None:
    """Raises `UserError` for the name of an Atari game, whether ale-py is imported or not."""
    if game := games.meant_by(name):
        small = [f" or {known}" for known in GAMES if known.endswith(f"/{name}")]
        raise UserError(f"it is asked for as {game}{''.join(small)}", field="environment", value=name)


def make(identifier: str, registration: Registration) -> gymnasium.Env[Any, Any]:
    try:
        # Without Gymnasium's checker, which slows every step; HostEnvironment checks what matters.
        return gymnasium.make(registration, disable_env_checker=True)
    except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
        line = f"it needs a package that is not installed: {_remedy(error)}"
        raise UserError(line, field="environment", value=identifier) from error
    except Exception as error:
        raise UserError(f"it cannot be made: {in_one_line(error)}", field="environment", value=identifier) from error


def _remedy(error: Exception) -> str:
    reason = in_one_line(str(error))
    return "pip install 'sparserl[mujoco]'" if "mujoco" in reason.lower() or "imageio" in reason else reason


def spec(identifier: str, environment: gymnasium.Env[Any, Any], time_limit_steps: int | None) -> EnvSpec:
    seen, action = environment.observation_space, environment.action_space
    if not isinstance(seen, spaces.Box) or 0 in seen.shape:
        line = f"its observations are {in_one_line(seen)}, and only a Box that is not empty is allowed"
        raise UserError(line, field="environment", value=identifier)
    kind = np.dtype(np.uint8 if seen.dtype == np.uint8 else np.float32)
    return EnvSpec(identifier, seen.shape, kind, _actions(identifier, action), time_limit_steps)


def _actions(identifier: str, space: gymnasium.Space[Any]) -> Discrete | Box:
    if isinstance(space, spaces.Discrete):
        return Discrete(int(space.n))
    if not isinstance(space, spaces.Box) or not np.issubdtype(space.dtype, np.floating) or 0 in space.shape:
        line = (
            f"its actions are {in_one_line(space)}, and only Discrete and a Box of floats that is not empty are allowed"
        )
        raise UserError(line, field="environment", value=identifier)
    with np.errstate(over="ignore"):  # beyond float32 becomes infinite, which agents refuse
        low, high = space.low.astype(np.float32), space.high.astype(np.float32)
        if (np.isfinite(low) & np.isfinite(high) & ~np.isfinite(high - low)).any():
            raise UserError(
                f"its actions are {in_one_line(space)}, and bounds may be at most {np.finfo(np.float32).max:.2g}, the "
                "largest float32, apart",
                field="environment",
                value=identifier,
            )
    return Box(space.shape, low, high)


def in_one_line(what: object) -> str:
    name = f"{type(what).__name__}: " if isinstance(what, Exception) else ""
    return name + " ".join(str(what).split())
