"""Replay: a ring of transitions in device memory, and the n-step batches drawn from it."""

from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from sparserl.types import Array, Key, Transition

Steps = TypeVar("Steps", int, Array)


class Replay(NamedTuple):
    """The last `capacity_steps` steps of every environment.

    `storage` has leading axes `[capacity_steps, env]`; `num_added` counts the steps ever added (per environment).
    """

    storage: Transition
    num_added: Array


class Batch(NamedTuple):
    """`[batch]` transitions over up to n steps: `discount` is what multiplies the value of `next_observation`."""

    observation: Array
    action: Array
    reward: Array
    discount: Array
    next_observation: Array


def empty(example: Transition, capacity_steps: int) -> Replay:
    """A ring without content, shaped after one step `example` with leading axis `[env]`."""
    zeros = jax.tree.map(lambda x: jnp.zeros((capacity_steps, *x.shape), x.dtype), example)
    return Replay(zeros, jnp.int32(0))


def add(replay: Replay, rollout: Transition) -> Replay:
    """Append a rollout `[step, env, ...]`; the oldest steps make room."""
    capacity_steps, num_steps = replay.storage.reward.shape[0], rollout.reward.shape[0]
    at = (replay.num_added + jnp.arange(num_steps)) % capacity_steps
    storage = jax.tree.map(lambda ring, new: ring.at[at].set(new), replay.storage, rollout)
    return Replay(storage, replay.num_added + num_steps)


def sample(key: Key, replay: Replay, batch_size: int, discount: float, num_steps: int = 1) -> Batch:
    """Draw uniformly, with replacement, among all starts whose `num_steps` successors are stored.

    Rewards are summed with `discount` up to the first step that ended its episode; the returned `discount` is
    gamma^k after k summed steps, and 0 where the task terminated (a mere time limit bootstraps: Deviation 14).
    """
    capacity_steps, num_envs = replay.storage.reward.shape
    num_stored = jnp.minimum(replay.num_added, capacity_steps)
    step_key, env_key = jax.random.split(key)
    age = jax.random.randint(step_key, (batch_size,), 0, num_stored - (num_steps - 1))
    start = replay.num_added - num_stored + age
    env = jax.random.randint(env_key, (batch_size,), 0, num_envs) if num_envs > 1 else jnp.zeros_like(age)
    first = jax.tree.map(lambda ring: ring[start % capacity_steps, env], replay.storage)

    reward, power = first.reward, jnp.full((batch_size,), discount, jnp.float32)
    ended, terminated = first.terminated | first.truncated, first.terminated
    next_observation = first.next_observation
    for k in range(1, num_steps):
        later = jax.tree.map(lambda ring, k=k: ring[(start + k) % capacity_steps, env], replay.storage)
        reward = reward + jnp.where(ended, 0.0, power * later.reward)
        power = jnp.where(ended, power, power * discount)
        terminated = terminated | (~ended & later.terminated)
        still = jnp.expand_dims(ended, tuple(range(1, next_observation.ndim)))
        next_observation = jnp.where(still, next_observation, later.next_observation)
        ended = ended | later.terminated | later.truncated
    return Batch(first.observation, first.action, reward, jnp.where(terminated, 0.0, power), next_observation)


def batch_of_one(example: Any) -> Any:
    """One example of a batch, or a tree of several of its fields, with the leading axis `[batch]` again."""
    return jax.tree.map(lambda x: jnp.expand_dims(x, 0), example)


def num_updates(num_steps: Steps, warmup_steps: int, steps_per_update: int) -> Steps:
    """Gradient updates that `num_steps` environment steps bring: one per `steps_per_update` steps after the warm-up."""
    done = num_steps // steps_per_update - -(-warmup_steps // steps_per_update)
    return done * (done > 0)
