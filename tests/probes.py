"""Probe environments: each isolates one property that a learner must have, and says which values are right."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Box, Discrete, EnvSpec, TimeStep


class ProbeState(NamedTuple):
    observation: jax.Array
    time: jax.Array


@dataclasses.dataclass(frozen=True)
class Probe:
    """Episodes of `length` steps; `first(key)` draws the first observation, `follow(obs, time)` gives the next."""

    first: Callable
    follow: Callable
    reward: Callable  # (observation, action, time) -> reward
    length: int = 1
    truncates: bool = False  # the end is a time limit instead of a termination
    num_envs: int = 1
    compiled: bool = True
    action: Discrete | Box = Discrete(2)

    @property
    def spec(self) -> EnvSpec:
        return EnvSpec("probe", (1,), np.dtype("float32"), self.action, None)

    def reset(self, key):
        observation = jax.vmap(self.first)(jax.random.split(key, self.num_envs)).astype(jnp.float32)
        return ProbeState(observation, jnp.zeros(self.num_envs, jnp.int32)), jnp.expand_dims(observation, 1)

    def step(self, key, state, action):
        reward = jax.vmap(self.reward)(state.observation, action, state.time).astype(jnp.float32)
        time = state.time + 1
        next_observation = jax.vmap(self.follow)(state.observation, time).astype(jnp.float32)
        ended = time >= self.length
        fresh, fresh_observation = self.reset(key)
        observation = jnp.where(ended, fresh_observation[:, 0], next_observation)
        state = ProbeState(observation, jnp.where(ended, fresh.time, time))
        no = jnp.zeros_like(ended)
        terminated, truncated = (no, ended) if self.truncates else (ended, no)
        wide = lambda x: jnp.expand_dims(x, 1)
        return state, TimeStep(wide(observation), reward, terminated, truncated, wide(next_observation))


zero = lambda key: jnp.float32(0)
sign = lambda key: jax.random.rademacher(key, (), jnp.float32)
stay = lambda observation, time: observation
tick = lambda observation, time: time.astype(jnp.float32)

CONSTANT = Probe(zero, stay, lambda o, a, t: jnp.float32(1))
SEEN = Probe(sign, stay, lambda o, a, t: o)
DELAYED = Probe(zero, tick, lambda o, a, t: t.astype(jnp.float32), length=2)
CHOSEN = Probe(zero, stay, lambda o, a, t: 2.0 * a - 1.0)
MATCHED = Probe(sign, stay, lambda o, a, t: o * (2.0 * a - 1.0))
ENDLESS = Probe(zero, stay, lambda o, a, t: jnp.float32(0.1), length=5, truncates=True)

# Continuous actions between -1 and 3: the right one is o + 1, and every other costs its squared distance from it.
WIDE = Box((1,), np.array([-1.0], np.float32), np.array([3.0], np.float32))
AIMED = Probe(sign, stay, lambda o, a, t: -((a[0] - (o + 1.0)) ** 2), action=WIDE)
ENDLESS_AIMED = dataclasses.replace(ENDLESS, action=WIDE)

# Right action values at given observations, with discount 0.9: probe, observations, values `[observation, action]`.
TRUTH = {
    "constant reward": (CONSTANT, [0.0], [[1.0, 1.0]]),
    "reward seen in the observation": (SEEN, [-1.0, 1.0], [[-1.0, -1.0], [1.0, 1.0]]),
    "discounted delay": (DELAYED, [0.0, 1.0], [[0.9, 0.9], [1.0, 1.0]]),
    "reward of the action": (CHOSEN, [0.0], [[-1.0, 1.0]]),
    "action that fits the observation": (MATCHED, [-1.0, 1.0], [[1.0, -1.0], [-1.0, 1.0]]),
    "time limits bootstrap": (ENDLESS, [0.0], [[1.0, 1.0]]),
}


class HostTwin:
    """The same probe with its state in Python and NumPy arrays; deterministic probes only."""

    compiled = False

    def __init__(self, probe: Probe) -> None:
        self.probe, self.num_envs, self.spec = probe, probe.num_envs, probe.spec

    def reset(self, key):
        self.observation, self.time = np.zeros(self.num_envs, np.float32), np.zeros(self.num_envs, np.int32)
        return None, self.observation[:, None].copy()

    def step(self, key, state, action):
        assert isinstance(action, np.ndarray)
        pairs = zip(self.observation, action, self.time, strict=True)
        reward = np.array([float(self.probe.reward(o, a, t)) for o, a, t in pairs], np.float32)
        self.time = self.time + 1
        following = zip(self.observation, self.time, strict=True)
        next_observation = np.array([float(self.probe.follow(o, t)) for o, t in following], np.float32)
        ended = self.time >= self.probe.length
        self.time, self.observation = (
            np.where(ended, 0, self.time),
            np.where(ended, 0, next_observation).astype(np.float32),
        )
        no = np.zeros_like(ended)
        terminated, truncated = (no, ended) if self.probe.truncates else (ended, no)
        return None, TimeStep(self.observation[:, None], reward, terminated, truncated, next_observation[:, None])
