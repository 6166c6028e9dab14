"""Gymnasium's registry: lists environments, looks them up, and makes them."""

import importlib.util
import sys
from collections.abc import Callable
from typing import Any

import gymnasium
from gymnasium.envs.registration import EnvSpec as Registration

from sparserl import modules
from sparserl.calls import ended_by, making, one_line
from sparserl.environments import games
from sparserl.environments.minatar import GAMES
from sparserl.environments.returned import Unfit
from sparserl.environments.tasks import TASKS
from sparserl.types import Field, UserError

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
    """The registration of exactly this name; `module:name` imports `module` first, also from the current directory."""
    module, _, name = identifier.rpartition(":")
    if module:
        import_module(module, identifier)
    registration = gymnasium.registry.get(name)
    if not module and (registration is None or _module_of(registration.entry_point or "") == _ATARI):
        _refuse_atari(name)
    if registration is not None:
        return registration
    _refuse_version(name)
    if name in TASKS:
        choice = Field("environment_backend", "compiled")
        raise UserError("it is a JAX program, which needs ", choice, field="environment", value=identifier)
    raise UserError(
        "it is not registered in Gymnasium; `sparserl environments` lists what is, and module:name imports a module "
        "that registers more",
        field="environment",
        value=identifier,
        names=(*gymnasium.registry, *GAMES),
    )


def import_module(module: str, identifier: str) -> None:
    """Import the module that the name of an environment begins with, also from the current directory."""
    try:
        with making():
            modules.imported(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # it may be a program, which ends with SystemExit
        reason = in_one_line(error)
        raise UserError(
            f"module {module!r} cannot be imported: {reason}", field="environment", value=identifier
        ) from error


def _refuse_atari(name: str) -> None:
    """Raises `UserError` for the name of an Atari game, whether ale-py is imported or not."""
    if game := games.meant_by(name):
        small = [f" or {known}" for known in GAMES if known.endswith(f"/{name}")]
        raise UserError(f"it is asked for as {game}{''.join(small)}", field="environment", value=name)


def _refuse_version(name: str) -> None:
    """Raises `UserError` where an environment is registered, but in other versions."""
    stem, _, version = name.rpartition("-v")
    stem, asked = (stem, int(version)) if version.isdecimal() and stem else (name, None)
    if not (known := _versions(stem)):
        return
    here, newest = f"Gymnasium {gymnasium.__version__} has", max(each.version or 0 for each in known)
    line = f"{here} given up this version" if asked is not None and asked < newest else f"{here} no such version"
    line = "it needs its version" if asked is None else line
    raise UserError(line, field="environment", value=name, names=[each.id for each in known])


def _versions(stem: str) -> list[Registration]:
    """All registrations of an environment whose name is `stem` but for the version."""
    namespace, _, name = stem.rpartition("/")
    return [each for each in gymnasium.registry.values() if (each.namespace, each.name) == (namespace or None, name)]


def make(identifier: str, registration: Registration, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    drawing = {} if render_mode is None else {"render_mode": render_mode}
    try:
        # Without Gymnasium's checker, which slows every step; HostEnvironment checks what matters.
        with making():
            return gymnasium.make(registration, disable_env_checker=True, **drawing)
    except KeyboardInterrupt:
        raise
    except (ModuleNotFoundError, gymnasium.error.DependencyNotInstalled) as error:
        line = f"it needs a package that is not installed: {_remedy(error)}"
        raise UserError(line, field="environment", value=identifier) from error
    except BaseException as error:  # SystemExit, too
        line = f"it cannot be made: {in_one_line(error).removesuffix('.')}{_newer(registration)}"
        raise UserError(line, field="environment", value=identifier) from error


def spaces_of(
    identifier: str, environment: gymnasium.Env[Any, Any]
) -> tuple[gymnasium.Space[Any], gymnasium.Space[Any]]:
    """The spaces of observations and of actions, which may be computed when they are asked for."""
    try:
        with making():
            both = environment.observation_space, environment.action_space
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        line = f"it cannot tell its spaces: {in_one_line(error)}"
        raise UserError(line, field="environment", value=identifier) from error
    for name, space in zip(("observation_space", "action_space"), both, strict=True):
        if not isinstance(space, gymnasium.Space):
            kind = f"{type(space).__module__}.{type(space).__qualname__}"
            line = f"its {name} is {one_line(space, repr)}, of type {kind}, and must be one of gymnasium.spaces"
            raise UserError(line, field="environment", value=identifier)
    return both


def _remedy(error: Exception) -> str:
    reason, lacking = one_line(error), importlib.util.find_spec("mujoco") is None
    ours = (lacking and "mujoco" in reason.lower()) or "imageio" in reason
    return "pip install 'sparserl[mujoco]'" if ours else reason


def not_drawn(error: BaseException) -> str:
    """Why an environment could not be drawn, or what to install for it."""
    if isinstance(error, ModuleNotFoundError | gymnasium.error.DependencyNotInstalled):
        return f"it needs a package that is not installed: {one_line(error)}"
    return str(error) if isinstance(error, Unfit) else in_one_line(error)


def _newer(registration: Registration) -> str:
    """The newest version of an environment, where it is not this one."""
    stem = registration.id.removesuffix(f"-v{registration.version}")
    newest = max(_versions(stem), key=lambda each: each.version or 0, default=registration)
    return "" if newest.id == registration.id else f"; its newest version is {newest.id}"


def in_one_line(what: object) -> str:
    if isinstance(what, BaseException) and not isinstance(what, Exception):
        return ended_by(what)
    said, name = one_line(what), type(what).__name__ if isinstance(what, Exception) else ""
    return ": ".join(part for part in (name, said) if part)
