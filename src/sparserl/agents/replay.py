"""Replay: a ring of transitions in device memory, and the n-step batches drawn from it."""

from typing import Any, NamedTuple, Protocol, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.linalg import quick
from sparserl.types import Array, Box, EnvSpec, Key, Transition

Steps = TypeVar("Steps", int, Array)


class Replay(NamedTuple):
    """The last `capacity_steps` steps of every environment.

    `storage` has leading axes `[capacity_steps, env]`; `num_added` counts the steps ever added (per environment).
    """

    storage: Transition
    num_added: Array


class Rewarded(Protocol):
    """Stored steps, `[capacity_steps, env]` each."""

    @property
    def reward(self) -> Array: ...
    @property
    def terminated(self) -> Array: ...
    @property
    def truncated(self) -> Array: ...


class Batch(NamedTuple):
    """`[batch]` transitions over up to n steps: `discount` is what multiplies the value of `next_observation`."""

    observation: Array
    action: Array
    reward: Array
    discount: Array
    next_observation: Array


class ReplayMemory(Protocol):
    """Where an agent keeps its steps; this module is such a memory, for observations of any kind."""

    def empty(self, example: Transition, capacity_steps: int, /) -> Any: ...
    def add(self, replay: Any, rollout: Transition, /) -> Any: ...
    def sample(self, key: Key, replay: Any, batch_size: int, discount: float, num_steps: int = 1, /) -> Batch: ...
    def num_bytes(self, spec: EnvSpec, capacity_steps: int, /) -> int: ...  # of the storage of one environment
    def cut_off(self, replay: Any, /) -> Any: ...  # as if the newest step of every environment had been truncated


def one_step(spec: EnvSpec, num_envs: int) -> Transition:
    """A step `[env, ...]` of zeros, with the shapes and types of steps in environments of `spec`."""
    zeros = lambda dtype, *shape: np.zeros((num_envs, *shape), dtype)
    action = zeros(np.float32, *spec.action.shape) if isinstance(spec.action, Box) else zeros(np.int32)
    observation, flags = zeros(spec.observation_dtype, *spec.observation_shape), zeros(bool)
    return Transition(observation, action, zeros(np.float32), flags, flags, observation)


def num_bytes(spec: EnvSpec, capacity_steps: int) -> int:
    """The bytes that the steps of one environment take up in a full replay."""
    return capacity_steps * sum(field.nbytes for field in one_step(spec, 1))


def empty(example: Transition, capacity_steps: int) -> Replay:
    """An empty ring for steps shaped like `example`, which has the leading axis `[env]`."""
    zeros = jax.tree.map(lambda x: jnp.zeros((capacity_steps, *x.shape), x.dtype), example)
    return Replay(zeros, jnp.int32(0))


def add(replay: Replay, rollout: Transition) -> Replay:
    """Append a rollout `[step, env, ...]`; the oldest steps make room."""
    capacity_steps, num_steps = replay.storage.reward.shape[0], rollout.reward.shape[0]
    at = (replay.num_added + jnp.arange(num_steps)) % capacity_steps
    storage = jax.tree.map(lambda ring, new: ring.at[at].set(new), replay.storage, rollout)
    return Replay(storage, replay.num_added + num_steps)


def cut_off(replay: Replay) -> Replay:
    """The replay with its newest step truncated in every environment: what is added next does not follow from it."""
    return replay._replace(storage=truncated(replay.storage, replay.num_added))


def truncated(storage: Any, num_added: Array) -> Any:
    """A ring in which the step before number `num_added` is the last of its episode; it still bootstraps."""
    newest = (num_added - 1) % storage.reward.shape[0]
    cut = jnp.asarray(storage.truncated).at[newest].set(~storage.terminated[newest])
    return storage._replace(truncated=jnp.where(num_added > 0, cut, storage.truncated))


def sample(key: Key, replay: Replay, batch_size: int, discount: float, num_steps: int = 1) -> Batch:
    """Draw uniformly, with replacement, among all starts whose `num_steps` successors are stored.

    Rewards are summed with `discount` up to the first step that ended its episode; the returned `discount` is
    gamma^k after k summed steps, and 0 where the task terminated (a mere time limit bootstraps: Deviation 14).
    """
    capacity_steps, num_envs = replay.storage.reward.shape
    start, env = starts(key, replay.num_added, capacity_steps, num_envs, batch_size, num_steps)
    reward, factor, last = returns(replay.storage, start, env, discount, num_steps)
    at = lambda ring, step: ring[step % capacity_steps, env]
    observation, action = (at(ring, start) for ring in replay.storage[:2])
    return Batch(observation, action, reward, factor, at(replay.storage.next_observation, last))


def starts(
    key: Key, num_added: Array, capacity_steps: int, num_envs: int, batch_size: int, num_steps: int
) -> tuple[Array, Array]:
    """Numbers of steps, counted from the first ever added, and of environments, `[batch]` each; see `sample`."""
    num_stored = jnp.minimum(num_added, capacity_steps)
    step_key, env_key = map(quick, jax.random.split(key))
    age = jax.random.randint(step_key, (batch_size,), 0, num_stored - (num_steps - 1))
    start = num_added - num_stored + age
    env = jax.random.randint(env_key, (batch_size,), 0, num_envs) if num_envs > 1 else jnp.zeros_like(age)
    return start, env


def returns(storage: Rewarded, start: Array, env: Array, discount: float, num_steps: int) -> tuple[Array, Array, Array]:
    """Summed rewards, what multiplies the value after them, and the number of the last step summed, `[batch]` each."""
    at = lambda ring, step: ring[step % len(storage.reward), env]
    reward, factor = at(storage.reward, start), jnp.full(start.shape, discount, jnp.float32)
    terminated, last = at(storage.terminated, start), start
    ended = terminated | at(storage.truncated, start)
    for step in (start + k for k in range(1, num_steps)):
        reward = reward + jnp.where(ended, 0.0, factor * at(storage.reward, step))
        factor, last = jnp.where(ended, factor, factor * discount), jnp.where(ended, last, step)
        terminated = terminated | (~ended & at(storage.terminated, step))
        ended = ended | at(storage.terminated, step) | at(storage.truncated, step)
    return reward, jnp.where(terminated, 0.0, factor), last


def batch_of_one(example: Any) -> Any:
    """One example of a batch, or a tree of several of its fields, with the leading axis `[batch]` again."""
    return jax.tree.map(lambda x: jnp.expand_dims(x, 0), example)


def num_updates(num_steps: Steps, warmup_steps: int, steps_per_update: int) -> Steps:
    """Gradient updates that `num_steps` environment steps bring: one per `steps_per_update` steps after the warm-up."""
    done = num_steps // steps_per_update - -(-warmup_steps // steps_per_update)
    return done * (done > 0)
