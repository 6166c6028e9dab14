"""Host environments: whatever is registered in Gymnasium, stepped one by one in Python."""

import difflib
import importlib
import importlib.util
import sys
from typing import Any, NoReturn

import gymnasium
import jax
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec as Registration

from sparserl.types import Array, Box, Discrete, EnvSpec, Key, TimeStep, UserError

# Packages that Gymnasium's own families of environments need, where the import path does not tell.
_PACKAGES = {"gymnasium.envs.box2d": "Box2D", "gymnasium.envs.mujoco": "mujoco"}
# Not for us: the observations or actions of these are indices, and what the last one registers only raises.
_UNFIT = ("gymnasium.envs.toy_text", "gymnasium.envs.tabular", "gymnasium.envs")


class HostEnvironment:
    """`num_envs` environments of Gymnasium, stepped in a Python loop, which reset themselves.

    Observations `[env, ...]` keep their shape; uint8 stays, all else becomes float32. Rewards are float32 `[env]`,
    `terminated` and `truncated` bool `[env]`. Actions are integers from 0 `[env]`, or floats `[env, ...]`. Raises
    `UserError` where the name is unknown, a package is missing or a space does not fit, and while it runs where an
    environment raises or returns what is not finite. Arrays that were returned are never written to again.
    """

    compiled = False

    def __init__(self, identifier: str, num_envs: int) -> None:
        if num_envs < 1:
            raise UserError(f"number of environments is {num_envs}: at least 1 is needed to run {identifier}")
        registration = _find(identifier)
        self.num_envs = num_envs
        self._num_steps = 0
        self._environments = [_make(identifier, registration)]
        try:
            self.spec = _spec(identifier, self._environments[0], registration.max_episode_steps)
            self._environments += [_make(identifier, registration) for _ in range(num_envs - 1)]
        except BaseException:
            self.close()
            raise
        space: Any = self._environments[0].action_space
        self._first_action, self._action_dtype = getattr(space, "start", 0), space.dtype
        self._continuous = self.spec.observation_dtype == np.float32

    def reset(self, key: Key) -> tuple[None, np.ndarray]:
        """Fresh episodes, seeded from `key`; observations `[env, ...]`."""
        self._num_steps = 0
        observation = self._empty_observation()
        for index, seed in enumerate(_seeds(key, self.num_envs)):
            self._reset_one(index, observation, seed)
        return None, observation

    def step(self, key: Key | None, state: None, action: Array) -> tuple[None, TimeStep]:
        """One step of every environment; those that end start anew, on with their own random numbers."""
        self._num_steps += 1
        actions = np.array(action, self._action_dtype)  # a copy: an environment may write into its action
        if self._first_action:
            actions += self._first_action
        reached, reward = self._empty_observation(), np.empty(self.num_envs, np.float32)
        terminated, truncated = np.empty(self.num_envs, np.bool_), np.empty(self.num_envs, np.bool_)
        index, ended = 0, []
        try:
            for index, environment in enumerate(self._environments):
                seen, reward[index], terminated[index], truncated[index], _ = environment.step(actions[index])
                self._place(reached, index, seen)
                if terminated[index] or truncated[index]:
                    ended.append(index)
        except Exception as error:
            self._fail(index, f"at step {self._num_steps}", error)
        if not (_finite(reward) and (not self._continuous or _finite(reached))):
            self._refuse(reached, reward)
        observation = reached.copy() if ended else reached
        for index in ended:
            self._reset_one(index, observation, None)
        return None, TimeStep(observation, reward, terminated, truncated, reached)

    def close(self) -> None:
        """Give back what the environments hold: windows, simulators."""
        for environment in self._environments:
            environment.close()

    def _empty_observation(self) -> np.ndarray:
        return np.empty((self.num_envs, *self.spec.observation_shape), self.spec.observation_dtype)

    def _reset_one(self, index: int, observation: np.ndarray, seed: int | None) -> None:
        try:
            self._place(observation, index, self._environments[index].reset(seed=seed)[0])
        except Exception as error:
            self._fail(index, f"in its reset after step {self._num_steps}", error)
        if self._continuous and not _finite(observation[index]):
            self._fail(index, f"in its reset after step {self._num_steps}", "the observation is not finite")

    def _place(self, observation: np.ndarray, index: int, seen: Any) -> None:
        """Write into `observation[index]`; without the check NumPy would repeat what is too small."""
        if np.shape(seen) != self.spec.observation_shape:
            raise ValueError(f"the observation has shape {np.shape(seen)}, its space {self.spec.observation_shape}")
        observation[index] = seen

    def _refuse(self, reached: np.ndarray, reward: np.ndarray) -> NoReturn:
        for index in range(self.num_envs):
            for name, value in (("reward", reward[index]), ("observation", reached[index])):
                if not _finite(value):
                    self._fail(index, f"at step {self._num_steps}", f"the {name} is not finite")
        raise AssertionError("nothing to refuse")

    def _fail(self, index: int, when: str, reason: Exception | str) -> NoReturn:
        who = f"environment {self.spec.identifier!r} ({index + 1} of {self.num_envs})"
        cause = reason if isinstance(reason, Exception) else None
        raise UserError(f"{who} failed {when}: {_in_one_line(reason)}") from cause


def _finite(values: np.ndarray) -> bool:
    return np.count_nonzero(np.isfinite(values)) == values.size  # on few values twice as fast as `all`


def registered_names() -> list[str]:
    """The newest version of each registered environment whose package is there, in order of registration."""
    newest: dict[tuple[str | None, str], Registration] = {}
    for registration in gymnasium.registry.values():
        family = (registration.namespace, registration.name)
        if family not in newest or (registration.version or 0) > (newest[family].version or 0):
            newest[family] = registration
    return [registration.id for registration in newest.values() if _seems_fit(registration)]


def _seems_fit(registration: Registration) -> bool:
    """Whether what it is made of is installed; told from the path alone, nothing is imported."""
    entry = registration.entry_point
    if entry is None:
        return False
    module = entry.partition(":")[0] if isinstance(entry, str) else entry.__module__
    parts = module.split(".")
    family = ".".join(parts[:3])
    if family in _UNFIT:
        return False
    package = _PACKAGES.get(family, parts[0])
    return package in sys.modules or importlib.util.find_spec(package) is not None


def _find(identifier: str) -> Registration:
    """The registration by this exact name; `module:name` imports `module` first."""
    module, _, name = identifier.rpartition(":")
    if module:
        try:
            importlib.import_module(module)
        except Exception as error:
            reason = _in_one_line(error)
            raise UserError(f"environment {identifier!r}: module {module!r} cannot be imported: {reason}") from error
    if name in gymnasium.registry:
        return gymnasium.registry[name]
    names = {known.casefold(): known for known in gymnasium.registry}
    nearest = [names[match] for match in difflib.get_close_matches(name.casefold(), names, cutoff=0.7)]
    hint = f"nearest: {', '.join(nearest)}" if nearest else "`sparserl environments` lists those that are"
    raise UserError(
        f"environment {identifier!r} is not registered in Gymnasium; {hint}; "
        "one that another package registers is asked for as module:name"
    )


def _make(identifier: str, registration: Registration) -> gymnasium.Env[Any, Any]:
    try:
        # Without Gymnasium's checker, which costs time in every step: what matters to us we check ourselves.
        return gymnasium.make(registration, disable_env_checker=True)
    except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
        raise UserError(
            f"environment {identifier!r} needs a package that is not installed: {_remedy(error)}"
        ) from error
    except Exception as error:
        raise UserError(f"environment {identifier!r} cannot be made: {_in_one_line(error)}") from error


def _remedy(error: Exception) -> str:
    reason = _in_one_line(str(error))
    return "pip install 'sparserl[mujoco]'" if "mujoco" in reason.lower() or "imageio" in reason else reason


def _spec(identifier: str, environment: gymnasium.Env[Any, Any], time_limit_steps: int | None) -> EnvSpec:
    seen, action = environment.observation_space, environment.action_space
    if not isinstance(seen, spaces.Box):
        raise UserError(f"environment {identifier!r} has observations {_in_one_line(seen)}: only a Box is allowed")
    kind = np.dtype(np.uint8 if seen.dtype == np.uint8 else np.float32)
    return EnvSpec(identifier, seen.shape, kind, _actions(identifier, action), time_limit_steps)


def _actions(identifier: str, space: gymnasium.Space[Any]) -> Discrete | Box:
    if isinstance(space, spaces.Discrete):
        return Discrete(int(space.n))
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
        return Box(space.shape, space.low.astype(np.float32), space.high.astype(np.float32))
    raise UserError(
        f"environment {identifier!r} has actions {_in_one_line(space)}: only Discrete and a Box of floats are allowed"
    )


def _seeds(key: Key, num_envs: int) -> list[int]:
    words = np.asarray(jax.random.key_data(key)).ravel()
    return np.random.SeedSequence(words.tolist()).generate_state(num_envs).tolist()


def _in_one_line(what: object) -> str:
    name = f"{type(what).__name__}: " if isinstance(what, Exception) else ""
    return name + " ".join(str(what).split())
