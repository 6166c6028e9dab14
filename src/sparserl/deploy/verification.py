"""Verification: whether an artefact that was written acts as the policy that it was written from."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from sparserl.deploy.batches import mapped, parts
from sparserl.deploy.policy import Policy
from sparserl.deploy.rounding import Bounded, Bounding, bounding, likely
from sparserl.types import UserError

NUM_OBSERVATIONS = 10_000
NUM_TRIED = 256  # observations that roundings are tried with
CALL_NUMBERS = 2**24  # of observations that an artefact gets at once
_TOLD = 10  # times that progress is told, where there is much to compute
NEAR = 0.01  # of the range of an action's dimension; where that has no bounds, of the action, or of 1


class Written(Protocol):
    """An artefact that was written, opened again: compiled and called, or loaded by another library."""

    def outputs(self, observations: np.ndarray) -> np.ndarray: ...  # float32 `[batch, output]` before the decision
    def act(self, observations: np.ndarray) -> np.ndarray: ...  # `[batch]` integers, or float32 `[batch, *action]`


@runtime_checkable
class AtOnce(Protocol):
    """An artefact that gives outputs and actions for the price of one of them."""

    def answers(self, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


class Reference(NamedTuple):
    """What a policy gives, and how far rounding may part another's outputs from it; both `[batch, output]`."""

    outputs: np.ndarray
    allowed: np.ndarray

    def at(self, rows: np.ndarray | slice) -> "Reference":
        return Reference(self.outputs[rows], self.allowed[rows])


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


def reference(policy: Policy, observations: np.ndarray, say: Callable[[str], None] = lambda line: None) -> Reference:
    """What artefacts of a policy are compared with for observations `[batch, *shape]`. say: is told how far it is."""
    done, made, several, network = 0, list[Bounded](), parts(observations), bounding(policy.steps)
    for number, each in enumerate(mapped(lambda part: _bounded(policy, network, part), several), 1):
        made.append(each)
        done += len(each.outputs)
        if len(several) >= _TOLD and number * _TOLD // len(several) > (number - 1) * _TOLD // len(several):
            say(f"computed {done:,} of {len(observations):,} observations")
    whole = Bounded(*(np.concatenate(each) for each in zip(*made, strict=True)))
    tried = np.unique(np.linspace(0, len(observations) - 1, NUM_TRIED).astype(int))
    x = policy.as_input(observations[tried])
    usual = likely(policy.steps, x, policy.input_error(x), Bounded(*(each[tried] for each in whole)))
    return Reference(whole.outputs, usual.limits(whole))


def compare(policy: Policy, written: Written, observations: np.ndarray, known: Reference | None = None) -> Verified:
    """How `written` acts on observations `[batch, *shape]` of the policy's type. Raises Mismatch where that is not as
    the policy does, but for the rounding of float32 sums in another order (`rounding`).

    known: the reference, where it was computed before. Where rounding may decide which of two outputs is the greater,
    a discrete action may be either of them.
    """
    compared = []
    for part in _compared(policy, written, observations, known):
        _refuse(policy, part)
        compared.append(part)
    return _summed(compared, [_agreed(policy, part) for part in compared])


def measured(policy: Policy, written: Written, observations: np.ndarray, known: Reference | None = None) -> Verified:
    """The same of an artefact that is not exact, as with 8-bit weights; nothing but wrong shapes is refused."""
    compared = list(_compared(policy, written, observations, known))
    return _summed(compared, [_near(policy, part) for part in compared])


def _bounded(policy: Policy, network: Bounding, observations: np.ndarray) -> Bounded:
    x = policy.as_input(observations)
    return network.of(x, policy.input_error(x))


def _compared(
    policy: Policy, written: Written, observations: np.ndarray, known: Reference | None
) -> Iterator[_Compared]:
    """All observations, some at a time. Raises Mismatch for outputs or actions of another shape."""
    known, start = known or reference(policy, observations), 0
    for seen in parts(observations, CALL_NUMBERS):
        right = known.at(slice(start, start + len(seen)))
        start += len(seen)
        given, others = _answers(written, seen)
        actions = policy.actions_of(right.outputs)
        for what, wanted, shown in (("outputs", right.outputs, given), ("actions", actions, others)):
            if shown.shape != wanted.shape:
                raise Mismatch(f"the artefact gives {what} {shown.shape} where the policy gives {wanted.shape}")
        yield _Compared(seen, right.outputs, given.astype(np.float64), right.allowed, actions, others)


def _answers(written: Written, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(written, AtOnce):
        return written.answers(observations)
    return np.asarray(written.outputs(observations)), np.asarray(written.act(observations))


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
