"""Host environments: anything registered in Gymnasium, stepped in a Python loop."""

from typing import Any, NoReturn

import jax
import numpy as np

from sparserl.environments import registry, snapshots
from sparserl.environments.snapshots import Snapshot
from sparserl.types import Array, Box, Discrete, Divergence, Key, TimeStep, UserError


class HostEnvironment:
    """`num_envs` environments of Gymnasium, stepped in a Python loop, which reset themselves.

    Observations `[env, ...]` keep their shape; uint8 is kept, every other type becomes float32. Rewards are float32
    `[env]`, `terminated` and `truncated` bool `[env]`. Actions are integers from 0 `[env]`, or floats `[env, ...]`.
    Raises `UserError` if the name is unknown, a package is missing or a space does not fit, and later if an environment
    raises or returns something that is not finite; `Divergence` if an action is not finite. Returned arrays are never
    written again.
    """

    compiled = False

    def __init__(self, identifier: str, num_envs: int) -> None:
        if num_envs < 1:
            raise UserError("at least 1 is needed", field="num_envs", value=num_envs)
        registration = registry.find(identifier)
        self.num_envs = num_envs
        self._num_steps = 0
        self._environments = [registry.make(identifier, registration)]
        try:
            self.spec = registry.spec(identifier, self._environments[0], registration.max_episode_steps)
            self._environments += [registry.make(identifier, registration) for _ in range(num_envs - 1)]
        except BaseException:
            self.close()
            raise
        space: Any = self._environments[0].action_space
        self._first_action, self._action_dtype = getattr(space, "start", 0), space.dtype
        self._continuous = self.spec.observation_dtype == np.float32
        self._continuous_actions = isinstance(self.spec.action, Box)
        self._bounds = (space.low, space.high) if _were_rounded(self.spec.action, space) else None

    def reset(self, key: Key) -> tuple[None, np.ndarray]:
        """Fresh episodes, seeded from `key`; observations `[env, ...]`."""
        self._num_steps = 0
        observation = self._empty_observation()
        for index, seed in enumerate(seeds(key, self.num_envs)):
            self._reset_one(index, observation, seed)
        return None, observation

    def step(self, key: Key | None, state: None, action: Array) -> tuple[None, TimeStep]:
        """One step of every environment; those that end start over and keep drawing from their own random numbers."""
        self._num_steps += 1
        actions = np.array(action, self._action_dtype)  # a copy: an environment may write into its action
        if self._continuous_actions and not _finite(actions):
            raise Divergence(f"training diverged: the action of step {self._num_steps} is not finite")
        if self._bounds is not None:
            actions = actions.clip(*self._bounds)
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

    def snapshot(self) -> Snapshot:
        """Everything that decides how the environments continue. Raises `UserError` if that cannot be captured."""
        return snapshots.take(self.spec.identifier, self._environments, self._num_steps)

    def restore(self, snapshot: Snapshot) -> None:
        """Continue from `snapshot`, bit for bit, whatever happened before; the process that took it may be gone.

        Raises `UserError` if it is of other environments, versions or MuJoCo models; reset or remake these afterwards.
        """
        self._num_steps = snapshots.restore(self.spec.identifier, self._environments, snapshot)

    def snapshot_obstacle(self) -> str | None:
        """Why `snapshot` would fail now, in one line. Ask after a reset, which may create more to be captured."""
        try:
            self.snapshot()
        except UserError as error:
            return str(error)
        return None

    def close(self) -> None:
        """Release what the environments hold, such as windows and simulators."""
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
        """Write into `observation[index]`; NumPy alone would broadcast an observation that is too small."""
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
        raise UserError(f"{who} failed {when}: {registry.in_one_line(reason)}") from cause


def _were_rounded(action: Discrete | Box, space: Any) -> bool:
    """Whether the bounds of `space` are not float32 numbers, so that an agent's float32 action may exceed them."""
    return isinstance(action, Box) and not ((action.low == space.low) & (action.high == space.high)).all()


def _finite(values: np.ndarray) -> bool:
    return np.count_nonzero(np.isfinite(values)) == values.size  # twice as fast as `all` for few values


def seeds(key: Key, num_envs: int) -> list[int]:
    """A 32-bit seed for each environment."""
    words = np.asarray(jax.random.key_data(key)).ravel()
    return np.random.SeedSequence(words.tolist()).generate_state(num_envs).tolist()
