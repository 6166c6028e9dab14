"""A trained policy in NumPy: observations in, actions out; what every export is made from and compared with."""

import math
from typing import NamedTuple

import numpy as np

from sparserl.deploy.batches import mapped, parts
from sparserl.deploy.computing import computed
from sparserl.deploy.contract import Contract
from sparserl.deploy.steps import Step
from sparserl.types import Decision, UserError

LIMIT = 1e9  # where features are cut without a normalizer: no layer of ours leads from there beyond float32


class Normalizer(NamedTuple):
    """What features are first brought to: (x - mean) / scale, cut at +- limit; float32 `[features]`."""

    mean: np.ndarray
    scale: np.ndarray
    limit: float


class Policy(NamedTuple):
    """A policy as it is exported.

    divisor: what features are divided by where there is no normalizer, 255 for pixels, else 1. steps: from the
    observation `[batch, *shape]`, prepared, to outputs `[batch, output]`, of which there is one for each discrete
    action, or for each dimension of a continuous one: what only exploration needs, as a policy's deviations, is left
    out. low, high: float32 `[dimension]`, infinite where there is no bound; None for discrete actions.
    """

    contract: Contract
    steps: tuple[Step, ...]
    decision: Decision
    normalizer: Normalizer | None = None
    divisor: float = 1.0
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    @property
    def observation_shape(self) -> tuple[int, ...]:
        return self.contract.observation.shape

    @property
    def num_features(self) -> int:
        """Numbers of one observation."""
        return math.prod(self.observation_shape)

    @property
    def num_outputs(self) -> int:
        """Outputs for one observation: discrete actions, or dimensions of a continuous one."""
        action = self.contract.action
        return action.num_actions if action.num_actions is not None else math.prod(action.shape)

    @property
    def limit(self) -> float:
        """Where features are cut before the first step, on both sides of 0."""
        return LIMIT if self.normalizer is None else self.normalizer.limit

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Actions for observations `[..., *shape]`, one or any batch of them; `[...]` integers or `[..., *action]`.

        A feature that is not a number counts as 0 after normalization, and infinite ones are cut as large ones are, so
        that every action is finite and allowed, whatever is observed. Raises `UserError` for another shape or type.
        """
        return self.actions_of(self.outputs(observation))

    def actions_of(self, outputs: np.ndarray) -> np.ndarray:
        """Actions `[...]` or `[..., *action]` for outputs `[..., output]`."""
        if self.decision == "greatest":
            return outputs.argmax(-1).astype(np.int32)
        return self.decided(outputs).reshape((*outputs.shape[:-1], *self.contract.action.shape))

    def decided(self, outputs: np.ndarray) -> np.ndarray:
        """Continuous actions `[..., dimension]` of outputs `[..., dimension]`."""
        assert self.low is not None
        assert self.high is not None
        if self.decision == "tanh":
            half = np.float32(0.5) * (self.high - self.low)
            outputs = self.low + half * (np.tanh(outputs) + np.float32(1))
        return np.clip(outputs, self.low, self.high)

    def outputs(self, observation: np.ndarray) -> np.ndarray:
        """What comes out of the network, float32 `[..., output]`."""
        given = self._checked(observation)
        batch = given.shape[: given.ndim - len(self.observation_shape)]
        several = given.reshape(math.prod(batch), *self.observation_shape)
        if not len(several):
            return np.empty((*batch, self.num_outputs), np.float32)
        outputs = mapped(lambda part: computed(self.steps, self.as_input(part)), parts(several))
        return np.concatenate(list(outputs)).reshape(*batch, self.num_outputs)

    def prepared(self, features: np.ndarray) -> np.ndarray:
        """Features `[batch, feature]` as the first step takes them."""
        with np.errstate(over="ignore", invalid="ignore"):
            x = features.astype(np.float32)
            if self.normalizer is not None:
                x = (x - self.normalizer.mean) / self.normalizer.scale
            elif self.divisor != 1.0:
                x = x / np.float32(self.divisor)
            return np.where(np.isnan(x), np.float32(0), np.clip(x, -self.limit, self.limit).astype(np.float32))

    def as_input(self, observations: np.ndarray) -> np.ndarray:
        """Observations `[batch, *shape]` as the first step takes them."""
        return self.prepared(observations.reshape(len(observations), self.num_features)).reshape(observations.shape)

    def input_error(self, prepared: np.ndarray) -> np.ndarray:
        """What another way to prepare observations may differ by from `as_input`, in units of `rounding.INPUT`."""
        prepared = np.abs(prepared)
        if self.normalizer is None:
            return prepared if self.divisor != 1.0 else np.zeros_like(prepared)
        shift = np.abs(self.normalizer.mean / self.normalizer.scale)
        return prepared + shift.reshape(self.observation_shape)

    def spread(self, differences: np.ndarray) -> np.ndarray:
        """What continuous actions may differ by where outputs `[batch, dimension]` differ by so much."""
        assert self.low is not None
        assert self.high is not None
        if self.decision == "mean":
            return differences
        rounding = 16 * np.finfo(np.float32).eps
        half = 0.5 * (self.high.astype(np.float64) - self.low)
        return half * (differences + rounding) + rounding * np.maximum(np.abs(self.low), np.abs(self.high))

    def _checked(self, observation: np.ndarray) -> np.ndarray:
        """Raises UserError, in one line, for what is no observation, or no batch of them."""
        try:
            given = np.asarray(observation)
        except ValueError as error:  # rows of different lengths
            raise UserError(f"the observation is no array: {error}") from None
        shape = self.observation_shape
        if given.shape[max(given.ndim - len(shape), 0) :] != shape:
            wanted = " x ".join(map(str, shape)) or "no axes"
            raise UserError(f"the observation has shape {given.shape}: it must be {wanted}, with a batch before or not")
        pixels = self.contract.observation.dtype == "uint8"
        if given.dtype != np.uint8 if pixels else given.dtype.kind not in "fiub":
            wanted = "uint8, pixels from 0 to 255" if pixels else "float32, or what can be converted to it"
            raise UserError(f"the observation is of type {given.dtype}: it must be {wanted}")
        return given
