"""MuJoCo Playground: physics as JAX programs (MJX), batched over `num_envs`: `playground:CheetahRun` and the like."""

import dataclasses
import functools
import importlib
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Array, Box, EnvSpec, EnvState, Key, TimeStep, UserError

PREFIX = "playground:"


class State(NamedTuple):
    """The state of all environments; leaves `[env, ...]`."""

    simulation: Any
    num_steps: Array  # of this episode


@dataclasses.dataclass(frozen=True)
class PlaygroundEnvironment:
    """`num_envs` copies of a MuJoCo Playground task as pure functions of keys and arrays.

    Observations are float32 `[env, features]` (of several, the one named "state"), actions floats `[env, action]`
    between -1 and 1, rewards float32 `[env]`. The time limit is Playground's. If a simulation breaks down, its episode
    is terminated, and values of its last step that are not finite become 0. Episodes begin with Playground's own reset,
    which may take hundreds of steps of physics and is therefore computed only in steps in which an episode ends. Raises
    `UserError` for a name that Playground does not have, and if it is not installed.
    """

    identifier: str
    num_envs: int
    compiled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.num_envs < 1:
            raise UserError("at least 1 is needed", field="num_envs", value=self.num_envs)
        task_of(self.identifier)  # here rather than in a trace, because it creates arrays

    @property
    def spec(self) -> EnvSpec:
        """What an agent may know before it acts."""
        task = task_of(self.identifier)
        size = np.ones(task.dynamics.action_size, np.float32)
        seen = (task.num_features,)
        return EnvSpec(self.identifier, seen, np.dtype(np.float32), Box(size.shape, -size, size), task.time_limit_steps)

    @functools.partial(jax.jit, static_argnums=0)
    def reset(self, key: Key) -> tuple[EnvState, Array]:
        """Fresh episodes: states, and observations `[env, features]`."""
        return self._fresh(key)

    @functools.partial(jax.jit, static_argnums=0)
    def step(self, key: Key, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]:
        """One step of every environment with actions `[env, action]`; those that end start over."""
        task = task_of(self.identifier)
        simulation, reward, done = self._simulate(state.simulation, action)
        num_steps = state.num_steps + 1
        truncated = num_steps >= task.time_limit_steps
        broken = ~(jnp.isfinite(_seen(simulation)).all(1) & jnp.isfinite(reward))
        terminated = done | broken
        reached, reward = _finite(_seen(simulation)), _finite(reward)
        here = State(simulation, num_steps)
        begin = lambda: _where(terminated | truncated, self._fresh(key), (here, reached))
        state, observation = jax.lax.cond((terminated | truncated).any(), begin, lambda: (here, reached))
        return state, TimeStep(observation, reward, terminated, truncated, reached)

    def _simulate(self, simulation: Any, action: Array) -> tuple[Any, Array, Array]:
        """Repeat the action as often as Playground does in this task; rewards are summed."""
        task = task_of(self.identifier)

        def once(simulation: Any, _: None) -> tuple[Any, tuple[Array, Array]]:
            reached = _strongly_typed(jax.vmap(task.dynamics.step)(simulation, action))
            return reached, (jnp.asarray(reached.reward, jnp.float32), reached.done > 0)

        simulation, (reward, done) = jax.lax.scan(once, simulation, length=task.action_repeat)
        return simulation, jnp.sum(reward, 0), jnp.any(done, 0)

    def _fresh(self, key: Key) -> tuple[State, Array]:
        keys = jax.random.key_data(
            jax.random.split(key, self.num_envs)
        )  # Playground keeps keys in its state as plain numbers
        simulation = jax.vmap(task_of(self.identifier).dynamics.reset)(keys)
        return State(_strongly_typed(simulation), jnp.zeros(self.num_envs, jnp.int32)), _finite(_seen(simulation))


class _Task(NamedTuple):
    dynamics: Any
    num_features: int
    action_repeat: int
    time_limit_steps: int


@functools.cache
def task_of(identifier: str) -> _Task:
    """Playground's environment with its model and settings."""
    name = identifier.removeprefix(PREFIX)
    try:
        registry = importlib.import_module("mujoco_playground").registry
    except ImportError as error:
        line = "it needs a package that is not installed: pip install 'sparserl[playground]'"
        raise UserError(line, field="environment", value=identifier) from error
    if name not in registry.ALL_ENVS:
        names = [PREFIX + known for known in registry.ALL_ENVS]
        raise UserError("MuJoCo Playground has no such task", field="environment", value=identifier, names=names)
    try:
        dynamics = registry.load(name)
        size, config = dynamics.observation_size, registry.get_default_config(name)
        repeat, limit = int(config.action_repeat), int(config.episode_length)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"it cannot be made: {type(error).__name__}: {reason}", field="environment", value=identifier
        ) from error
    shape = size["state"] if isinstance(size, dict) else size
    return _Task(dynamics, int(np.prod(shape)), repeat, -(-limit // repeat))


def _seen(simulation: Any) -> Array:
    seen = simulation.obs
    return jnp.asarray(seen["state"] if isinstance(seen, dict) else seen, jnp.float32)


def _finite(values: Array) -> Array:
    return jnp.where(jnp.isfinite(values), values, 0)


def _strongly_typed(tree: Any) -> Any:
    return jax.tree.map(lambda x: jax.lax.convert_element_type(x, jnp.asarray(x).dtype), tree)


def _where(ended: Array, new: Any, old: Any) -> Any:
    """Leaves `[env, ...]`: from `new` where an episode ended, from `old` elsewhere."""
    choose = lambda a, b: jnp.where(ended.reshape(-1, *[1] * (a.ndim - 1)), a, b)
    return jax.tree.map(choose, new, old)
