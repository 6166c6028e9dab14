"""Environments whose observations are pictures, compiled and on the host, for tests of what is seen."""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Discrete, EnvSpec, TimeStep


class Film(NamedTuple):
    frames: jax.Array  # [env, height, width, frame], newest last
    time: jax.Array  # [env], since the episode's first frame


@dataclasses.dataclass(frozen=True)
class Camera:
    """Frames of one value each, `first + time`; episodes of `length` steps; the reward is the action."""

    num_envs: int = 3
    stack: int = 3
    length: int = 4
    size: int = 5
    first: int = 100
    dtype: Any = np.uint8
    compiled: bool = True

    @property
    def spec(self) -> EnvSpec:
        shape = (self.size, self.size + 1, self.stack)
        frames = 1 if self.dtype == np.bool_ else self.stack  # planes are channels of one frame
        return EnvSpec("camera", shape, np.dtype(self.dtype), Discrete(2), self.length, frames)

    def reset(self, key):
        return self._shot(Film(self._blank(), jnp.zeros(self.num_envs, jnp.int32)))

    def step(self, key, state, action):
        reached, seen = self._shot(Film(state.frames, state.time + 1))
        ended = reached.time >= self.length
        fresh, seen_fresh = self.reset(key)
        wide = ended.reshape(-1, 1, 1, 1)
        film = Film(jnp.where(wide, fresh.frames, reached.frames), jnp.where(ended, 0, reached.time))
        observation = jnp.where(wide, seen_fresh, seen)
        return film, TimeStep(observation, action.astype(jnp.float32), ended, jnp.zeros_like(ended), seen)

    def _shot(self, film):
        value = (film.time % 2 == 0) if self.dtype == np.bool_ else self.first + film.time
        shape = (self.num_envs, self.size, self.size + 1, 1)
        newest = jnp.broadcast_to(value.reshape(-1, 1, 1, 1), shape).astype(self.dtype)
        frames = jnp.concatenate([film.frames[..., 1:], newest], -1)
        return Film(frames, film.time), frames

    def _blank(self):
        return jnp.zeros((self.num_envs, self.size, self.size + 1, self.stack), self.dtype)


class HostCamera:
    """The same with its state in Python, and without JAX, which must not be called out of a compiled program."""

    compiled = False

    def __init__(self, camera: Camera) -> None:
        self.camera, self.num_envs, self.spec = camera, camera.num_envs, camera.spec

    def reset(self, key):
        self.time, self.frames = 0, np.zeros((self.num_envs, *self.spec.observation_shape), self.spec.observation_dtype)
        return None, self.shot()

    def shot(self):
        newest = np.full((*self.frames.shape[:-1], 1), self.camera.first + self.time, self.frames.dtype)
        self.frames = np.concatenate([self.frames[..., 1:], newest], -1)
        return self.frames

    def step(self, key, state, action):
        assert key is None
        self.time += 1
        reached = observation = self.shot()
        ended = np.full(self.num_envs, self.time >= self.camera.length)
        if ended.all():
            observation = self.reset(None)[1]
        return None, TimeStep(observation, action.astype(np.float32), ended, np.zeros_like(ended), reached)
