"""Fake features: observations that are mostly noise, to test which agents learn what matters."""

import dataclasses
import math
from decimal import Decimal

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.linalg import quick
from sparserl.types import Array, Environment, EnvSpec, EnvState, Key, TimeStep, UserError

MOST_FAKE = 0.99
STREAM = np.uint32(0xFA4EFEA7)  # keeps the noise's keys apart from the environment's


@dataclasses.dataclass(frozen=True)
class FakeFeatures:
    """`environment` with features of standard normal noise appended, drawn anew at every step and reset.

    `fraction` of all features are noise, rounded up: `[env, features]` becomes
    `[env, ceil(features / (1 - fraction))]`. Raises `UserError` where observations are not vectors of floats. Source:
    Grooten et al. 2023, "Automatic Noise Filtering with Dynamic Sparse Training in Deep Reinforcement Learning",
    section 3 (Deviation 49). Around a host environment, `step` has to be traced: see `training.traceable`.
    """

    environment: Environment
    fraction: float

    def __post_init__(self) -> None:
        spec = self.environment.spec
        if spec.observation_dtype != np.float32 or len(spec.observation_shape) != 1:
            raise UserError(
                f"observations of {spec.identifier} are {spec.observation_dtype.name} {list(spec.observation_shape)}, "
                "and only vectors of floats can have more",
                field="fake_features",
                value=self.fraction,
            )

    @property
    def spec(self) -> EnvSpec:
        spec = self.environment.spec
        return spec._replace(observation_shape=(num_features(spec.observation_shape[0], self.fraction),))

    @property
    def num_envs(self) -> int:
        return self.environment.num_envs

    @property
    def compiled(self) -> bool:
        return self.environment.compiled

    def around(self, environment: Environment) -> "FakeFeatures":
        """The same fake features around another form of the environment."""
        return FakeFeatures(environment, self.fraction)

    def reset(self, key: Key) -> tuple[EnvState, Array]:
        """Fresh episodes, with noise appended to their observations."""
        state, observation = self.environment.reset(key)
        return state, self._extended(jax.random.fold_in(key, STREAM), observation)

    def step(self, key: Key | None, state: EnvState, action: Array) -> tuple[EnvState, TimeStep]:
        """One step. Where its two observations are the same, so is their noise; a fresh episode gets fresh noise."""
        assert key is not None
        state, time_step = self.environment.step(key, state, action)
        of_reached, of_fresh = jax.random.split(jax.random.fold_in(key, STREAM))
        reached = self._extended(of_reached, time_step.next_observation)
        fresh = self._extended(of_fresh, time_step.observation)
        ended = jnp.expand_dims(time_step.terminated | time_step.truncated, 1)
        return state, time_step._replace(observation=jnp.where(ended, fresh, reached), next_observation=reached)

    def _extended(self, key: Key, observation: Array) -> Array:
        num_fake = self.spec.observation_shape[0] - observation.shape[1]
        noise = jax.random.normal(quick(key), (self.num_envs, num_fake), jnp.float32)
        return jnp.concatenate([jnp.asarray(observation), noise], axis=1)


def num_features(num_real: int, fraction: float) -> int:
    """ceil(num_real / (1 - fraction)) with the fraction as it was typed: 17 real features at 0.9 make 170."""
    return math.ceil(num_real / (1 - Decimal(repr(float(fraction)))))
