"""Compiled environments: classic control as JAX programs (gymnax), batched over `num_envs`."""

import dataclasses
import functools
import importlib
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Array, Discrete, EnvSpec, EnvState, Key, TimeStep

# identifier: module and class of gymnax; the dynamics are tested step by step beside Gymnasium's
COMPILED = {
    "CartPole-v1": ("cartpole", "CartPole"),
    "Acrobot-v1": ("acrobot", "Acrobot"),
    "MountainCar-v0": ("mountain_car", "MountainCar"),
}


@functools.cache
def _dynamics(identifier: str) -> tuple[Any, Any]:
    """The gymnax environment and its parameters; imported here because gymnax brings flax with it."""
    module, name = COMPILED[identifier]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what its dependencies deprecate is not our user's concern
        environment = getattr(importlib.import_module(f"gymnax.environments.classic_control.{module}"), name)()
    return environment, environment.default_params


@dataclasses.dataclass(frozen=True)
class CompiledEnvironment:
    """`num_envs` copies of a classic-control task as one pure function of keys and arrays.

    Observations float32 `[env, features]`, rewards float32 `[env]`, `terminated` and `truncated` bool `[env]` as
    Gymnasium reports them, its `TimeLimit` included: both are True where a task ends on its very last step.
    """

    identifier: str
    num_envs: int
    compiled: bool = dataclasses.field(default=True, init=False)

    @property
    def spec(self) -> EnvSpec:
        environment, params = _dynamics(self.identifier)
        shape = tuple(environment.observation_space(params).shape)
        limit = int(params.max_steps_in_episode)
        return EnvSpec(self.identifier, shape, np.dtype(np.float32), Discrete(int(environment.num_actions)), limit)

    def reset(self, key: Key) -> tuple[EnvState, Array]:
        """Fresh episodes: states, and observations `[env, features]`."""
        observation, state = jax.vmap(self._reset_one)(jax.random.split(key, self.num_envs))
        return state, observation

    def step(self, key: Key | None, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]:
        """One step of every environment with actions int32 `[env]`; those that end start anew."""
        return jax.vmap(self._step_one)(jax.random.split(key, self.num_envs), state, action)

    def _reset_one(self, key: Key) -> tuple[Array, EnvState]:
        environment, params = _dynamics(self.identifier)
        observation, state = environment.reset_env(key, params)
        return observation.astype(jnp.float32), _strongly_typed(state)

    def _step_one(self, key: Key, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]:
        environment, params = _dynamics(self.identifier)
        step_key, reset_key = jax.random.split(key)
        reached, stepped, reward, terminated, _ = environment.step_env(step_key, state, action, params)
        stepped, reached = _strongly_typed(stepped), reached.astype(jnp.float32)
        truncated = stepped.time >= params.max_steps_in_episode
        fresh, fresh_state = self._reset_one(reset_key)
        anew = lambda new, old: jnp.where(terminated | truncated, new, old)
        time_step = TimeStep(anew(fresh, reached), jnp.float32(reward), terminated, truncated, reached)
        return jax.tree.map(anew, fresh_state, stepped), time_step


def _strongly_typed(state: EnvState) -> EnvState:
    """The same numbers as arrays of fixed type, so that a state has one type for ever."""
    kind = lambda x: jnp.float32 if jnp.issubdtype(jnp.result_type(x), jnp.floating) else jnp.int32
    return jax.tree.map(lambda x: jnp.asarray(x, kind(x)), state)
