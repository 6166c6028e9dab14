"""A compiled environment whose observations are stacks of frames, to try replay and resuming with."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Array, Discrete, EnvSpec, EnvState, Key, TimeStep


@dataclasses.dataclass(frozen=True)
class Noise:
    """Frames of noise, whose brightness the last action shifts; episodes end by chance, or after `time_limit_steps`."""

    num_envs: int
    shape: tuple[int, ...] = (5, 4)
    stacked_frames: int = 4
    time_limit_steps: int = 9
    compiled: bool = True

    @property
    def spec(self) -> EnvSpec:
        shape = (*self.shape, self.stacked_frames)
        return EnvSpec(
            "Noise-v0",
            shape,
            np.dtype(np.uint8),
            Discrete(3),
            self.time_limit_steps,
            stacked_frames=self.stacked_frames,
        )

    def reset(self, key: Key) -> tuple[EnvState, Array]:
        seen = self._begun(key)
        return (jnp.zeros(self.num_envs, jnp.int32), jnp.copy(seen)), seen  # two buffers, because both are given away

    def step(self, key: Key | None, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]:
        assert key is not None
        age, seen = state
        frame_key, reset_key, end_key = jax.random.split(key, 3)
        frame = self._frame(frame_key) // 2 + self._of_each(action.astype(jnp.uint8) * 40)
        after = jnp.concatenate([seen[..., 1:], jnp.expand_dims(frame, -1)], -1)
        terminated = jax.random.bernoulli(end_key, 0.05, (self.num_envs,))
        truncated = age + 1 >= self.time_limit_steps
        ended = terminated | truncated
        now = jnp.where(jnp.expand_dims(self._of_each(ended), -1), self._begun(reset_key), after)
        reward = frame.reshape(self.num_envs, -1).astype(jnp.float32).mean(-1) / 50.0
        return (jnp.where(ended, 0, age + 1), now), TimeStep(now, reward, terminated, truncated, after)

    def _begun(self, key: Key) -> Array:
        frame = jnp.expand_dims(self._frame(key), -1)
        return jnp.concatenate([*[jnp.zeros_like(frame)] * (self.stacked_frames - 1), frame], -1)

    def _frame(self, key: Key) -> Array:
        return jax.random.bits(key, (self.num_envs, *self.shape), jnp.uint8)

    def _of_each(self, values: Any) -> Array:
        return jnp.expand_dims(values, tuple(range(1, 1 + len(self.shape))))
