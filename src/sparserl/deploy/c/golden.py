"""Golden vectors: observations with what the policy answers, which the written C compares itself with on the device."""

from typing import NamedTuple

import numpy as np

from sparserl.deploy.computing import computed
from sparserl.deploy.policy import Policy
from sparserl.deploy.verification import Reference, reference

NUM_CANDIDATES = 256  # observations that the golden ones are chosen from
NUM_DRAWN = 6
LESS = 0.1  # how much less it counts to see a unit once more
SIZES = (3e38, 1e4, 1e2, 1e1)  # of what is extreme; larger ones are cut at the limit, if there is a normalizer
MOST_ROUGH = 4.0  # times the limit of usual observations
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
    """Telling ones of recorded observations, or of drawn ones; zeros alone; and numbers too large and too small.

    The last is as extreme as rounding allows: so that its limit does not hide what the others would show.
    """
    given = (
        _drawn(policy) if recorded is None or not len(recorded) else recorded[:: -(-len(recorded) // NUM_CANDIDATES)]
    )
    candidates = given.reshape(len(given), policy.num_features).astype(np.float32)
    hard = [np.resize(np.array([size, -1e-42, -size, 0.5], np.float32), policy.num_features) for size in SIZES]
    seen = _seen(policy, np.concatenate([candidates, np.zeros((1, policy.num_features), np.float32), hard]))
    known, zeros = reference(policy, seen), len(candidates)
    tested = lambda rows: _tested(policy, seen[rows], known.at(rows))
    usual = tested(np.append(_telling(policy, seen[:zeros]), zeros))
    for row in range(zeros + 1, len(seen)):
        extreme = tested(np.array([row]))
        if extreme.limit <= MOST_ROUGH * usual.limit:
            both = [np.concatenate(pair) for pair in zip(usual[:3], extreme[:3], strict=True)]
            return Golden(both[0], both[1], both[2], max(usual.limit, extreme.limit))
    return usual


def _seen(policy: Policy, features: np.ndarray) -> np.ndarray:
    """Features `[test, feature]` as observations of the policy's type."""
    observations = features.reshape(-1, *policy.observation_shape)
    if policy.contract.observation.dtype == "uint8":
        return np.clip(observations, 0, 255).astype(np.uint8)
    return observations


def _tested(policy: Policy, observations: np.ndarray, known: Reference) -> Golden:
    """What the policy answers to observations."""
    outputs, allowed = known
    actions = policy.actions_of(outputs)
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


def _telling(policy: Policy, candidates: np.ndarray) -> np.ndarray:
    """The numbers of `NUM_DRAWN` observations, chosen so that few units are 0 in all of them.

    A weight behind a unit that always is 0 may change without being noticed.
    """
    x, busy = policy.as_input(candidates), list[np.ndarray]()
    for step in policy.steps:
        x = computed((step,), x)
        busy.append((x != 0).reshape(len(x), -1))
    seen_by, chosen = np.concatenate(busy, 1), list[int]()
    unseen = np.ones(seen_by.shape[1])
    for _ in range(NUM_DRAWN):
        chosen.append(int((seen_by * unseen).sum(1).argmax()))
        unseen = unseen * np.where(seen_by[chosen[-1]], LESS, 1.0)
    return np.array(chosen)


def _drawn(policy: Policy) -> np.ndarray:
    """As if features were normal, with the normalizer's moments where there is one, within bounds that are known."""
    drawn = np.random.default_rng(0).standard_normal((NUM_CANDIDATES, policy.num_features))
    if policy.normalizer is not None:
        drawn = drawn * policy.normalizer.scale + policy.normalizer.mean
    known = policy.contract.observation
    if known.dtype == "uint8":
        drawn = np.round(127.5 + 60 * drawn)
    if known.low is not None and known.high is not None:
        low, high = (np.array(bound, np.float64) for bound in (known.low, known.high))  # None becomes NaN: no bound
        drawn = np.fmin(np.fmax(drawn, low), high)
    return drawn.astype(np.float32)
