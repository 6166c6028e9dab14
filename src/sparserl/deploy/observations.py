"""Observations that artefacts are verified with: those of the real environment, and those that break careless code."""

from typing import Any, NamedTuple

import numpy as np

from sparserl.deploy.playing import Stage
from sparserl.deploy.policy import Policy

RECORDED_FRACTION = 0.5  # of all; the others are adversarial
RANDOM_FRACTION = 0.25  # of the actions while observations are recorded, so that they are not all of one trajectory
_FLOATS = (0.0, -0.0, 1.0, -1.0, 1e-3, -1e-30, 1e-40, -1e-45, 1e3, -1e9, 1e9, 1e20, -3.4e38, np.inf, -np.inf, np.nan)
_PIXELS = (0, 1, 127, 128, 254, 255)
_SPECIAL = {"float32": _FLOATS, "uint8": _PIXELS, "bool": (False, True)}


class SeenObservations(NamedTuple):
    """Observations `[number, *shape]`: those of the real environment, and the adversarial ones."""

    recorded: np.ndarray
    adversarial: np.ndarray

    @property
    def all(self) -> np.ndarray:
        return np.concatenate(self)


def observations(policy: Policy, stage: Stage, count: int, seed: int = 0) -> SeenObservations:
    """`count` observations of the policy's type, up to half of them recorded while it played."""
    random = np.random.default_rng(seed)
    seen = recorded(policy, stage, max(int(count * RECORDED_FRACTION), 1), random)
    return SeenObservations(seen, adversarial(policy, seen, count - len(seen), random))


def recorded(policy: Policy, stage: Stage, count: int, random: np.random.Generator) -> np.ndarray:
    """Up to `count` observations of episodes in which some actions are random, spread over all of them."""
    kept, every, number = list[np.ndarray](), 1, 0

    def act(observation: np.ndarray) -> np.ndarray:
        nonlocal kept, every, number
        if number % every == 0:
            kept.append(observation)
        number += 1
        if len(kept) * len(observation) > 2 * count:
            kept, every = kept[::2], 2 * every
        return _disturbed(policy, policy.act(observation), random)

    stage.returns(act)
    rows = np.concatenate(kept)
    chosen = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)
    return rows[chosen]


def adversarial(policy: Policy, seen: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` observations of which nobody trains any: constant, one-hot, at the bounds, huge, tiny, not finite, and
    those of `seen` with one feature changed, out of order, on other scales, or repeated.
    """
    dtype = np.dtype(policy.contract.observation.dtype)
    special: Any = np.array(_SPECIAL[dtype.name], dtype)
    flat, size = seen.reshape(len(seen), -1), policy.num_features
    constant = np.repeat(special[:, np.newaxis], size, 1)
    kinds = [constant, _bounds(policy, dtype), _one_hot(special, size, random), np.repeat(flat[:1], 3, 0)]
    rest = max(count - sum(map(len, kinds)), 0)
    picked = flat[random.integers(len(flat), size=rest)]
    third = rest // 3
    changed, shuffled, scaled = picked[:third].copy(), picked[third : 2 * third], picked[2 * third :]
    changed[np.arange(third), random.integers(size, size=third)] = random.choice(special, third)
    shuffled = random.permuted(shuffled, axis=1)
    if dtype == np.float32:
        factors = (10.0 ** random.uniform(-6, 6, (len(scaled), 1))).astype(np.float32)
        scaled = scaled * factors + random.normal(size=scaled.shape).astype(np.float32)
    else:
        scaled = random.choice(special, scaled.shape) if dtype == np.uint8 else random.random(scaled.shape) < 0.5
    rows = np.concatenate([*kinds, changed, shuffled, scaled.astype(dtype)])[:count]
    return rows.reshape(-1, *policy.observation_shape)


def _bounds(policy: Policy, dtype: np.dtype[Any]) -> np.ndarray:
    """All features at their lowest and at their highest, where the environment states that."""
    stated = [each for each in (policy.contract.observation.low, policy.contract.observation.high) if each is not None]
    with np.errstate(over="ignore"):
        rows = [np.array([0.0 if bound is None else bound for bound in bounds]).astype(dtype) for bounds in stated]
    return np.array(rows, dtype).reshape(len(rows), policy.num_features)


def _one_hot(special: Any, size: int, random: np.random.Generator, most: int = 500) -> np.ndarray:
    """One feature with a special value and all others 0, of features and values up to `most`."""
    pairs = [(feature, value) for feature in random.permutation(size)[:most] for value in special]
    chosen = [pairs[i] for i in random.permutation(len(pairs))[:most]]
    rows = np.zeros((len(chosen), size), special.dtype)
    for row, (feature, value) in zip(rows, chosen, strict=True):
        row[feature] = value
    return rows


def _disturbed(policy: Policy, actions: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The actions, some of them random."""
    others = random.random(len(actions)) < RANDOM_FRACTION
    if policy.decision == "greatest":
        return np.where(others, random.integers(policy.num_outputs, size=len(actions)), actions)
    assert policy.low is not None
    assert policy.high is not None
    flat, ranges = actions.reshape(len(actions), -1), policy.high.astype(np.float64) - policy.low
    noise = random.normal(size=flat.shape) * np.where(np.isfinite(ranges), ranges, 1.0)
    limited = np.clip((flat + noise).astype(np.float32), policy.low, policy.high)
    return np.where(others[:, np.newaxis], limited, flat).reshape(actions.shape)
