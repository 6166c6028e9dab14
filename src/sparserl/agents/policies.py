"""Stochastic policies over a network's outputs `[..., output]`: diagonal Gaussians and categorical ones."""

import math
from typing import Literal, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from sparserl.agents.noise import standard_normal
from sparserl.types import Array, Box, Key

DeviationName = Literal["softplus", "exponential"]


class ActionDistribution(Protocol):
    """A distribution of actions for every leading index `[...]` of a network's outputs."""

    def sample(self, key: Key) -> Array: ...
    def mode(self) -> Array: ...
    def log_density(self, action: Array) -> Array: ...
    def entropy(self) -> Array: ...


class Categorical(NamedTuple):
    """Actions 0, 1, ... `[...]` by unnormalized log-probabilities `[..., action]`."""

    logits: Array

    def sample(self, key: Key) -> Array:
        return jax.random.categorical(key, self.logits).astype(jnp.int32)

    def mode(self) -> Array:
        return self.logits.argmax(-1).astype(jnp.int32)

    def log_density(self, action: Array) -> Array:
        chosen = jnp.expand_dims(action, -1)
        return jnp.take_along_axis(jax.nn.log_softmax(self.logits), chosen, axis=-1)[..., 0]

    def entropy(self) -> Array:
        log_probabilities = jax.nn.log_softmax(self.logits)
        return -(jnp.exp(log_probabilities) * log_probabilities).sum(-1)


class Gaussian(NamedTuple):
    """Independent normal actions `[..., dimension]`; densities are of actions as drawn, before any clipping."""

    mean: Array
    deviation: Array

    def sample(self, key: Key) -> Array:
        return self.mean + self.deviation * standard_normal(key, self.mean.shape)

    def mode(self) -> Array:
        return self.mean

    def log_density(self, action: Array) -> Array:
        scaled = (action - self.mean) / self.deviation
        return (-0.5 * scaled**2 - jnp.log(self.deviation) - 0.5 * math.log(2.0 * math.pi)).sum(-1)

    def entropy(self) -> Array:
        return (jnp.log(self.deviation) + 0.5 * math.log(2.0 * math.pi * math.e)).sum(-1)


def gaussian(outputs: Array, box: Box, squash_mean: bool, deviation: DeviationName) -> Gaussian:
    """The Gaussian of outputs `[..., 2 * dimension]`: means, and deviations before they are made positive.

    With `squash_mean`, tanh of the mean is scaled to the bounds of the actions.
    """
    mean, raw = jnp.split(outputs, 2, axis=-1)
    if squash_mean:
        low, high = (jnp.asarray(bound, jnp.float32).ravel() for bound in (box.low, box.high))
        wide = lambda x: x.reshape((1,) * (mean.ndim - 1) + x.shape)
        mean = wide(0.5 * (low + high)) + wide(0.5 * (high - low)) * jnp.tanh(mean)
    return Gaussian(mean, jax.nn.softplus(raw) if deviation == "softplus" else jnp.exp(raw))


def raw_deviation(value: float, deviation: DeviationName) -> float:
    """The output that stands for a deviation of `value`."""
    return math.log(math.expm1(value)) if deviation == "softplus" else math.log(value)
