"""Compiled environments: classic control as JAX programs (gymnax), batched over `num_envs`."""

import dataclasses
import difflib
import functools
import importlib
import importlib.util
import sys
import types
import warnings
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Array, Discrete, EnvSpec, EnvState, Key, TimeStep, UserError


class Task(NamedTuple):
    """What Gymnasium says of a task, and the class in which gymnax has its dynamics."""

    dynamics: str
    num_features: int
    num_actions: int
    time_limit_steps: int


# Written down, so that to describe an experiment needs neither library; a test holds the table against Gymnasium.
COMPILED = {
    "CartPole-v1": Task("CartPole", 4, 2, 500),
    "Acrobot-v1": Task("Acrobot", 6, 3, 500),
    "MountainCar-v0": Task("MountainCar", 2, 3, 200),
}


@dataclasses.dataclass(frozen=True)
class CompiledEnvironment:
    """`num_envs` copies of a classic-control task as one pure function of keys and arrays.

    Observations are float32 `[env, features]`, rewards float32 `[env]`, `terminated` and `truncated` bool `[env]` as
    Gymnasium reports them, its `TimeLimit` included: both are True where a task ends on its very last step. States
    and steps have one type for ever (no weak types), so that they are carried by a scan and may be donated. Raises
    `UserError` for an identifier that is not in `COMPILED`, or fewer than one environment.
    """

    identifier: str
    num_envs: int
    compiled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.identifier not in COMPILED:
            nearest = difflib.get_close_matches(self.identifier, COMPILED, n=1, cutoff=0)[0]
            raise UserError(
                f"environment {self.identifier!r} is not one of the compiled ones ({', '.join(COMPILED)}); "
                f"nearest: {nearest}; the backend 'host' runs those of Gymnasium"
            )
        if self.num_envs < 1:
            raise UserError(f"number of environments is {self.num_envs}: at least 1 is needed to run {self.identifier}")

    @property
    def spec(self) -> EnvSpec:
        """What an agent may know before it acts."""
        task = COMPILED[self.identifier]
        action = Discrete(task.num_actions)
        return EnvSpec(self.identifier, (task.num_features,), np.dtype(np.float32), action, task.time_limit_steps)

    @functools.partial(jax.jit, static_argnums=0)
    def reset(self, key: Key) -> tuple[EnvState, Array]:
        """Fresh episodes: states, and observations `[env, features]`."""
        return jax.vmap(self._reset_one)(jax.random.split(key, self.num_envs))

    @functools.partial(jax.jit, static_argnums=0)
    def step(self, key: Key, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]:
        """One step of every environment with actions int32 `[env]`; those that end start anew."""
        return jax.vmap(self._step_one)(jax.random.split(key, (self.num_envs, 2)), state, action)

    def _reset_one(self, key: Key) -> tuple[EnvState, Array]:
        dynamics = _dynamics(self.identifier)
        observation, state = dynamics.reset_env(key, dynamics.default_params)
        return _strongly_typed(state), jnp.asarray(observation, jnp.float32)

    def _step_one(self, keys: Key, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]:
        dynamics = _dynamics(self.identifier)
        reached, state, reward, terminated, _ = dynamics.step_env(keys[0], state, action, dynamics.default_params)
        state, reached = _strongly_typed(state), jnp.asarray(reached, jnp.float32)
        truncated = state.time >= COMPILED[self.identifier].time_limit_steps
        fresh_state, fresh = self._reset_one(keys[1])
        where_ended = lambda new, old: jnp.where(terminated | truncated, new, old)
        observation = where_ended(fresh, reached)
        time_step = TimeStep(observation, jnp.asarray(reward, jnp.float32), terminated, truncated, reached)
        return jax.tree.map(where_ended, fresh_state, state), time_step


def _strongly_typed(state: EnvState) -> EnvState:
    """The same numbers as float32 and int32 arrays; gymnax leaves Python numbers among them."""
    kind = lambda x: jnp.float32 if jnp.issubdtype(jnp.result_type(x), jnp.floating) else jnp.int32
    return jax.tree.map(lambda x: jnp.asarray(x, kind(x)), state)


@functools.cache
def _dynamics(identifier: str) -> Any:
    """The gymnax environment. Its parameters are not kept: they hold arrays, and this may run inside a trace."""
    return getattr(_classic_control(), COMPILED[identifier].dynamics)()


@functools.cache
def _classic_control() -> types.ModuleType:
    """gymnax's classic control without the rest of gymnax.

    Importing gymnax whole brings seaborn, pandas and pyplot (two seconds and 190 MB in every process of a study) and
    computes arrays, which starts the backend and must not happen inside a trace. So while the inner package is
    imported, empty ones stand in for the two around it. Afterwards Python knows nothing of gymnax, and a program that
    imports it gets the real one.
    """
    inner = "gymnax.environments.classic_control"
    found = importlib.util.find_spec("gymnax")
    if "gymnax" in sys.modules or found is None or not found.submodule_search_locations:
        return importlib.import_module(inner)
    folder = found.submodule_search_locations[0]
    try:
        for package, path in {"gymnax": folder, "gymnax.environments": f"{folder}/environments"}.items():
            sys.modules[package] = types.ModuleType(package)
            sys.modules[package].__path__ = [path]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what its dependencies deprecate is not our user's concern
            return importlib.import_module(inner)
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "gymnax"]:
            del sys.modules[name]
