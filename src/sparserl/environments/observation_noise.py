"""Observation noise: trained policies see worse than in training; everything else is unchanged."""

import dataclasses
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.linalg import quick
from sparserl.types import Array, Environment, EnvSpec, EnvState, Key, TimeStep, UserError

Arithmetic = Literal["clip", "modulo"]
STREAM = np.uint32(0x0B5E_4015)  # keeps the noise's keys apart from the environment's
WHITE = 255


class NoisyState(NamedTuple):
    """The environment's state, what the policy saw last `[env, ...]`, and the noise's deviation `[]` or `[feature]`."""

    environment: EnvState
    seen: Array
    deviation: Array


@dataclasses.dataclass(frozen=True)
class NoisyObservations:
    """`environment` seen through normal noise of standard deviation `deviation`, drawn once for each value of a frame.

    Pixels (uint8): the deviation `[]` is in units of 0 to 255; the noise is rounded, added, and the sum clipped to that
    range. Planes (bool): treated as pixels of 0 or 255, then divided by 255 and returned as float32. Vectors (float32):
    the deviation `[feature]` is in the features' own units, and nothing is rounded or clipped. In stacked frames the
    older ones keep the noise they had, and those before an episode's first stay zero. The deviation is part of the
    state, so that one compiled program serves all. Rewards and dynamics are those of the environment, key for key.

    arithmetic: "modulo", for pixels and planes only, is what the published code did: noise is truncated towards zero,
    the sum taken modulo 256, and the first frame after a reset has none. Source: Graesser et al. 2022, section 8
    (Deviation 47).
    """

    environment: Environment
    deviation: Array | float
    arithmetic: Arithmetic = "clip"

    def __post_init__(self) -> None:
        spec = self.environment.spec
        if self.arithmetic == "modulo" and not has_pixels(spec):
            raise UserError(
                f"observations of {spec.identifier} are no pixels, and {spec.observation_dtype.name} has no largest "
                "value to begin anew after",
                field="noise_arithmetic",
                value=self.arithmetic,
            )

    @property
    def spec(self) -> EnvSpec:
        spec = self.environment.spec
        planes = spec.observation_dtype == np.bool_
        return spec._replace(observation_dtype=np.dtype(np.float32)) if planes else spec

    @property
    def num_envs(self) -> int:
        return self.environment.num_envs

    @property
    def compiled(self) -> bool:
        return self.environment.compiled

    def around(self, environment: Environment) -> "NoisyObservations":
        """The same noise around another form of the environment."""
        return dataclasses.replace(self, environment=environment)

    def reset(self, key: Key) -> tuple[NoisyState, Array]:
        """Fresh episodes, and their observations with noise."""
        state, observation = self.environment.reset(key)
        deviation = jnp.asarray(self.deviation, jnp.float32)
        seen = self._begun(jnp.asarray(observation), self._noise(key, deviation))
        return NoisyState(state, seen, deviation), seen

    def step(self, key: Key | None, state: NoisyState, action: Array) -> tuple[NoisyState, TimeStep]:
        """One step. Where an episode ends, its last frame and the next episode's first have the same noise."""
        assert key is not None
        inner, time_step = self.environment.step(key, state.environment, action)
        noise = self._noise(key, state.deviation)
        newest = self._noisy(self._newest(time_step.next_observation), noise)
        reached = jnp.concatenate([state.seen[..., 1:], newest], -1) if self.spec.stacked_frames > 1 else newest
        ended = (time_step.terminated | time_step.truncated).reshape(-1, *[1] * (reached.ndim - 1))
        seen = jnp.where(ended, self._begun(time_step.observation, noise), reached)
        return NoisyState(inner, seen, state.deviation), time_step._replace(observation=seen, next_observation=reached)

    def _noise(self, key: Key, deviation: Array) -> Array:
        """Noise for a new frame of each environment."""
        shape = self.spec.observation_shape
        frame = (self.num_envs, *shape) if self.spec.stacked_frames == 1 else (self.num_envs, *shape[:-1], 1)
        drawn = jax.random.normal(quick(jax.random.fold_in(key, STREAM)), frame, jnp.float32)
        return drawn * jnp.broadcast_to(deviation, frame)

    def _newest(self, observation: Array) -> Array:
        """The newest frame of an observation."""
        return observation if self.spec.stacked_frames == 1 else observation[..., -1:]

    def _begun(self, observation: Array, noise: Array) -> Array:
        """An episode's first observation with noise; before its newest frame there are only zeros."""
        noise = jnp.zeros_like(noise) if self.arithmetic == "modulo" else noise
        newest = self._noisy(self._newest(observation), noise)
        if self.spec.stacked_frames == 1:
            return newest
        return jnp.concatenate([observation[..., :-1].astype(newest.dtype), newest], -1)

    def _noisy(self, frame: Array, noise: Array) -> Array:
        """Frames `[env, ...]` with noise."""
        if frame.dtype == np.uint8:
            return _sum(frame, noise, self.arithmetic).astype(jnp.uint8)
        if frame.dtype == np.bool_:
            return _sum(WHITE * frame, noise, self.arithmetic) / jnp.float32(WHITE)
        return frame + noise


def has_pixels(spec: EnvSpec) -> bool:
    """Whether observations are pixels, or planes that are treated as pixels."""
    return spec.observation_dtype in (np.uint8, np.bool_)


def _sum(pixels: Array, noise: Array, arithmetic: Arithmetic) -> Array:
    """Pixels of 0 to 255 plus noise, as int32 in the same range."""
    if arithmetic == "modulo":
        return (pixels.astype(jnp.int32) + jnp.trunc(noise).astype(jnp.int32)) % (WHITE + 1)
    return jnp.clip(pixels.astype(jnp.int32) + jnp.round(noise).astype(jnp.int32), 0, WHITE)


class Spread(NamedTuple):
    """Running statistics of observations, by feature; `mean` is relative to `origin`, the first observation."""

    number: Array  # []
    origin: Array
    mean: Array
    squares: Array  # summed squared distances from the mean


def no_spread(spec: EnvSpec) -> Spread:
    """The statistics before any observation."""
    zeros = jnp.zeros(spec.observation_shape, jnp.float32)
    return Spread(jnp.float32(0), zeros, zeros, zeros)


def with_observations(spread: Spread, observation: Array, counted: Array) -> Spread:
    """Statistics after adding the observations `[env, ...]` that are `counted` `[env]`. Source: Chan et al. 1979."""
    observation, new = jnp.asarray(observation), counted.sum().astype(jnp.float32)
    origin = jnp.where(spread.number == 0, observation[0], spread.origin)
    weight = counted.reshape(-1, *[1] * (observation.ndim - 1)).astype(jnp.float32)
    away = observation - jnp.expand_dims(origin, 0)
    mean = (weight * away).sum(0) / jnp.maximum(new, 1)
    squares = (weight * (away - jnp.expand_dims(mean, 0)) ** 2).sum(0)
    count, distance = spread.number + new, mean - spread.mean
    part = new / jnp.maximum(count, 1)
    between = distance**2 * (spread.number * part)
    return Spread(count, origin, spread.mean + distance * part, spread.squares + squares + between)


def deviation_of(spread: Spread) -> Array:
    """Standard deviation of each feature; exactly 0 for features that never vary."""
    return jnp.sqrt(spread.squares / jnp.maximum(spread.number, 1))
