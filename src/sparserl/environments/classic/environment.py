"""Tasks as compiled environments, batched over `num_envs`: those of classic control, and people's own."""

import dataclasses
import functools
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.environments import games, registry
from sparserl.environments.classic import acrobot, cartpole, mountain_car, pendulum
from sparserl.environments.classic.checking import check_task
from sparserl.environments.tasks import TASKS, Task
from sparserl.types import Array, EnvSpec, EnvState, Field, Key, TimeStep, UserError

TASKS |= {
    "CartPole-v1": cartpole.TASK,
    "Acrobot-v1": acrobot.TASK,
    "MountainCar-v0": mountain_car.TASK,
    "Pendulum-v1": pendulum.TASK,
}
# What the backend `auto` takes from here. Not Pendulum: `auto` has always meant Gymnasium's, and an experiment's id
# holds the word alone, so that stored results would be taken for those of another program.
DEFAULT_TASKS = ("CartPole-v1", "Acrobot-v1", "MountainCar-v0")


def task_of(identifier: str) -> Task:
    """The task of this name; `module:name` imports `module` first, which puts its own into `TASKS`.

    Raises `UserError` where there is none.
    """
    module, _, name = identifier.rpartition(":")
    if module and not identifier.startswith(games.PREFIX):
        registry.import_module(module, identifier)
    if name not in TASKS:
        raise UserError(
            "it is not a compiled one; those of Gymnasium need ",
            Field("environment_backend", "host"),
            field="environment",
            value=identifier,
            allowed=TASKS,
        )
    return TASKS[name]


@dataclasses.dataclass(frozen=True)
class ClassicEnvironment:
    """`num_envs` copies of a task of classic control, or one's own, as one pure function of keys and arrays.

    The rules are those of Gymnasium. Observations are float32 `[env, features]`, actions int32 `[env]` or floats
    `[env, action]`, rewards float32 `[env]`, `terminated` and `truncated` bool `[env]` as Gymnasium reports them, its
    `TimeLimit` included: both are True where a task ends on its very last step. Raises `UserError` for an identifier
    that `task_of` does not know, or fewer than one environment.
    """

    identifier: str
    num_envs: int
    compiled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_task(self.identifier, task_of(self.identifier))
        if self.num_envs < 1:
            raise UserError("at least 1 is needed", field="num_envs", value=self.num_envs)

    @property
    def spec(self) -> EnvSpec:
        """What an agent may know before it acts."""
        task = task_of(self.identifier)
        shape = (task.num_features,)
        return EnvSpec(self.identifier, shape, np.dtype(np.float32), task.action, task.time_limit_steps)

    @functools.partial(jax.jit, static_argnums=0)
    def reset(self, key: Key) -> tuple[EnvState, Array]:
        """Fresh episodes: states, and observations `[env, features]`."""
        return self._begun(jax.random.split(key, self.num_envs))

    @functools.partial(jax.jit, static_argnums=0)
    def step(self, key: Key, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]:
        """One step of every environment; those that end start anew."""
        task = task_of(self.identifier)
        after, reward, terminated = jax.vmap(task.step)(state, action)
        truncated = after.time >= task.time_limit_steps
        reached = jax.vmap(task.observe)(after)
        # The first of an environment's two keys is for its dynamics, none of which draws; stored results hang on it.
        fresh_state, fresh = self._begun(jax.random.split(key, (self.num_envs, 2))[:, 1])
        begin_anew = jax.vmap(lambda ended, new, old: jnp.where(ended, new, old))
        ended = terminated | truncated
        state = jax.tree.map(functools.partial(begin_anew, ended), fresh_state, after)
        return state, TimeStep(begin_anew(ended, fresh, reached), reward, terminated, truncated, reached)

    def _begun(self, keys: Key) -> tuple[EnvState, Array]:
        state = jax.vmap(task_of(self.identifier).begin)(keys)
        return state, jax.vmap(task_of(self.identifier).observe)(state)
