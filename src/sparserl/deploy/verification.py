"""Verification: whether an artefact that was written acts as the policy that it was written from."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from sparserl.deploy.policy import Policy
from sparserl.deploy.rounding import bounds
from sparserl.types import UserError

NUM_OBSERVATIONS = 10_000
NEAR = 0.01  # of the range of an action's dimension; where that has no bounds, of the action, or of 1


class Written(Protocol):
    """An artefact that was written, opened again: compiled and called, or loaded by another library."""

    def outputs(self, observations: np.ndarray) -> np.ndarray: ...  # float32 `[batch, output]` before the decision
    def act(self, observations: np.ndarray) -> np.ndarray: ...  # `[batch]` integers, or float32 `[batch, *action]`


class Verified(NamedTuple):
    """How an artefact compares with its policy.

    largest_difference: of outputs, as a share of the largest output for the same observation where that exceeds 1.
    action_agreement: the fraction of observations with the same discrete action, or with a continuous one that differs
    by no more than rounding explains; of an artefact that is not exact, by no more than NEAR.
    """

    largest_difference: float
    action_agreement: float
    num_observations: int


class Mismatch(UserError):
    """An artefact that does not act as its policy does, told in one line."""


class _Compared(NamedTuple):
    """Both sides for some observations: outputs, how far rounding may part them, and actions."""

    observations: np.ndarray
    wanted: np.ndarray
    given: np.ndarray
    allowed: np.ndarray
    wanted_actions: np.ndarray
    given_actions: np.ndarray


def compare(policy: Policy, written: Written, observations: np.ndarray) -> Verified:
    """How `written` acts on observations `[batch, *shape]` of the policy's type. Raises Mismatch where that is not as
    the policy does, but for the rounding of float32 sums in another order (`rounding.bounds`).

    Where rounding may decide which of two outputs is the greater, a discrete action may be either of them.
    """
    parts = []
    for part in _parts(policy, written, observations):
        _refuse(policy, part)
        parts.append(part)
    return _summed(parts, [_agreed(policy, part) for part in parts])


def measured(policy: Policy, written: Written, observations: np.ndarray) -> Verified:
    """The same of an artefact that is not exact, as with 8-bit weights; nothing but wrong shapes is refused."""
    parts = list(_parts(policy, written, observations))
    return _summed(parts, [_near(policy, part) for part in parts])


def _parts(policy: Policy, written: Written, observations: np.ndarray) -> Iterator[_Compared]:
    """All observations, some at a time. Raises Mismatch for outputs or actions of another shape."""
    for seen in policy.parts(observations):
        wanted, given = policy.outputs(seen), np.asarray(written.outputs(seen))
        actions, others = policy.act(seen), np.asarray(written.act(seen))
        for what, right, shown in (("outputs", wanted, given), ("actions", actions, others)):
            if shown.shape != right.shape:
                raise Mismatch(f"the artefact gives {what} {shown.shape} where the policy gives {right.shape}")
        allowed = bounds(policy.steps, policy.as_input(seen), policy.input_error(seen))
        yield _Compared(seen, wanted, given.astype(np.float64), allowed, actions, others)


def _refuse(policy: Policy, part: _Compared) -> None:
    """Raises Mismatch for the first observation whose outputs or action rounding does not explain."""
    within = (np.abs(part.given - part.wanted) <= part.allowed).all(1)
    if not within.all():
        at = int(np.argmin(within))
        told = f"outputs {_listed(part.given[at])} where the policy gives {_listed(part.wanted[at])}"
        raise Mismatch(f"the artefact gives {told}, for observation {_listed(part.observations[at])}")
    explained = _explained(policy, part)
    if not explained.all():
        at = int(np.argmin(explained))
        given, wanted = (_listed(np.asarray(each[at])) for each in (part.given_actions, part.wanted_actions))
        told = f"action {given} where the policy takes {wanted}"
        raise Mismatch(f"the artefact takes {told}, for observation {_listed(part.observations[at])}")


def _explained(policy: Policy, part: _Compared) -> np.ndarray:
    """Where the artefact's actions are allowed ones, and the policy's own but for rounding; bool `[batch]`."""
    actions = part.given_actions
    if policy.decision != "greatest":
        flat = actions.reshape(len(actions), -1)
        return _agreed(policy, part) & (flat >= policy.low).all(1) & (flat <= policy.high).all(1)
    valid = (actions >= 0) & (actions < policy.num_outputs)
    rows, chosen = np.arange(len(actions)), np.where(valid, actions, 0)
    lacking = part.wanted.max(1) - part.wanted[rows, chosen]
    return valid & (lacking <= part.allowed.max(1) + part.allowed[rows, chosen])


def _agreed(policy: Policy, part: _Compared) -> np.ndarray:
    """Where the actions are the same, bool `[batch]`; continuous ones but for rounding."""
    if policy.decision == "greatest":
        return part.given_actions == part.wanted_actions
    return np.all(_distance(part) <= policy.spread(part.allowed), 1)


def _near(policy: Policy, part: _Compared) -> np.ndarray:
    """The same, but that continuous actions may differ by NEAR."""
    if policy.low is None or policy.high is None:
        return _agreed(policy, part)
    size = np.maximum(np.abs(part.wanted_actions.reshape(len(part.wanted), -1)), 1.0)
    ranges = policy.high.astype(np.float64) - policy.low
    return np.all(_distance(part) <= NEAR * np.where(np.isfinite(ranges), ranges, size), 1)


def _distance(part: _Compared) -> np.ndarray:
    """How far continuous actions are apart, `[batch, dimension]`."""
    return np.abs(part.given_actions.astype(np.float64) - part.wanted_actions).reshape(len(part.wanted), -1)


def _summed(parts: list[_Compared], agreed: list[np.ndarray]) -> Verified:
    shares = []
    for part in parts:
        largest = np.maximum(np.abs(part.wanted).max(1, keepdims=True), 1.0)
        shares.append(float((np.abs(part.given - part.wanted) / largest).max()))
    together = np.concatenate(agreed)
    return Verified(max(shares), float(together.mean()), len(together))


def _listed(numbers: np.ndarray) -> str:
    """An array, or how it begins."""
    if not numbers.ndim:
        return str(numbers)
    return f"[{', '.join(f'{each:.6g}' for each in numbers.ravel()[:8])}{', ...' if numbers.size > 8 else ''}]"
