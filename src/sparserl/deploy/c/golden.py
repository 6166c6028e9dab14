"""Golden vectors: observations with what the policy answers, which the written C compares itself with on the device."""

from typing import NamedTuple

import numpy as np

from sparserl.deploy.policy import Policy
from sparserl.deploy.rounding import bounds

NUM_DRAWN = 4
UNDECIDED = -1  # where outputs are so close that rounding may decide


class Golden(NamedTuple):
    """Observations float32 `[test, feature]`, outputs `[test, output]`; actions int32 `[test]` or float32
    `[test, dimension]`.

    limit: the largest difference that rounding may lead to, as a share of the largest answer where that exceeds 1.
    """

    observations: np.ndarray
    outputs: np.ndarray
    actions: np.ndarray
    limit: float


def golden(policy: Policy, recorded: np.ndarray | None) -> Golden:
    """Some recorded observations, or drawn ones, nothing but zeros, and numbers too large and too small to matter."""
    extreme = np.resize(np.array([3e38, -1e-42, -3e38, 0.5], np.float32), policy.num_features)
    usual = _drawn(policy) if recorded is None or not len(recorded) else _some(recorded, policy.num_features)
    given = np.concatenate([usual, np.zeros((1, policy.num_features)), extreme[None]]).astype(np.float32)
    shaped = given.reshape(-1, *policy.observation_shape)
    features = np.where(policy.contract.observation.dtype == "uint8", np.clip(shaped, 0, 255), shaped)
    observations = features.astype(np.uint8) if policy.contract.observation.dtype == "uint8" else shaped
    outputs, actions = policy.outputs(observations), policy.act(observations)
    allowed = bounds(policy.steps, policy.as_input(observations), policy.input_error(observations))
    share = (allowed / _size(outputs)).max()
    if policy.decision == "greatest":
        highest = np.sort(outputs, 1)
        decided = policy.num_outputs == 1 or highest[:, -1] - highest[:, -2] > 2 * allowed.max(1)
        actions = np.where(decided, actions, UNDECIDED).astype(np.int32)
    else:
        actions = actions.reshape(len(outputs), -1).astype(np.float32)
        share = max(share, (policy.spread(allowed) / _size(actions)).max())
    return Golden(observations.reshape(len(outputs), -1).astype(np.float32), outputs, actions, float(share))


def _size(answers: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(answers).max(1, keepdims=True), 1.0)


def _some(recorded: np.ndarray, num_features: int) -> np.ndarray:
    """Those in equal distances, from the first to the last."""
    at = np.linspace(0, len(recorded) - 1, NUM_DRAWN).round().astype(int)
    return recorded[at].reshape(NUM_DRAWN, num_features)


def _drawn(policy: Policy) -> np.ndarray:
    """As if features were normal, with the normalizer's moments where there is one, within bounds that are known."""
    drawn = np.random.default_rng(0).standard_normal((NUM_DRAWN, policy.num_features))
    if policy.normalizer is not None:
        drawn = drawn * policy.normalizer.scale + policy.normalizer.mean
    known = policy.contract.observation
    if known.dtype == "uint8":
        drawn = np.round(127.5 + 60 * drawn)
    if known.low is not None and known.high is not None:
        low, high = (np.array(bound, np.float64) for bound in (known.low, known.high))  # None becomes NaN: no bound
        drawn = np.fmin(np.fmax(drawn, low), high)
    return drawn.astype(np.float32)
