"""Verification: whether an artefact that was written acts as the policy that it was written from."""

from typing import NamedTuple, Protocol

import numpy as np

from sparserl.deploy.policy import Policy
from sparserl.deploy.rounding import bounds
from sparserl.types import UserError

NUM_OBSERVATIONS = 10_000


class Written(Protocol):
    """An artefact that was written, opened again: compiled and called, or loaded by another library."""

    def outputs(self, observations: np.ndarray) -> np.ndarray: ...  # float32 `[batch, output]` before the decision
    def act(self, observations: np.ndarray) -> np.ndarray: ...  # `[batch]` integers, or float32 `[batch, *action]`


class Verified(NamedTuple):
    """How an artefact compares with its policy.

    largest_difference: of outputs, as a share of the largest output for the same observation where that exceeds 1.
    action_agreement: the fraction of observations with the same discrete action, or with a continuous one that differs
    by no more than rounding explains.
    """

    largest_difference: float
    action_agreement: float
    num_observations: int


class Mismatch(UserError):
    """An artefact that does not act as its policy does, told in one line."""


def compare(policy: Policy, written: Written, observations: np.ndarray) -> Verified:
    """How `written` acts on observations `[batch, *shape]` of the policy's type. Raises Mismatch where that is not as
    the policy does, but for the rounding of float32 sums in another order (`rounding.bounds`).

    Where rounding may decide which of two outputs is the greater, a discrete action may be either of them.
    """
    wanted, given = policy.outputs(observations), np.asarray(written.outputs(observations))
    if given.shape != wanted.shape:
        raise Mismatch(f"the artefact gives outputs {given.shape} where the policy gives {wanted.shape}")
    allowed = bounds(policy.steps, policy.as_input(observations))
    difference = np.abs(given.astype(np.float64) - wanted)
    if not (difference <= allowed).all():
        at = int(np.argmax(~(difference <= allowed).all(1)))
        raise Mismatch(f"outputs of observation {at} differ by {difference[at].max():.3g}: {_listed(observations[at])}")
    agreed = _agreement(policy, wanted, allowed, observations, np.asarray(written.act(observations)))
    share = difference / np.maximum(np.abs(wanted).max(1, keepdims=True), 1.0)
    return Verified(float(share.max()), float(agreed.mean()), len(observations))


def _agreement(
    policy: Policy, outputs: np.ndarray, allowed: np.ndarray, observations: np.ndarray, actions: np.ndarray
) -> np.ndarray:
    """Where the actions are the policy's own, bool `[batch]`. Raises Mismatch where rounding does not explain them."""
    wanted = policy.act(observations)
    if actions.shape != wanted.shape:
        raise Mismatch(f"the artefact gives actions {actions.shape} where the policy gives {wanted.shape}")
    if policy.decision == "greatest":
        rows, agreed = np.arange(len(actions)), actions == wanted
        if not ((actions >= 0) & (actions < policy.num_outputs)).all():
            raise Mismatch(f"the artefact gives action {actions[~np.isin(actions, range(policy.num_outputs))][0]}")
        explained = outputs.max(1) - outputs[rows, actions] <= allowed.max(1) + allowed[rows, actions]
    else:
        flat = actions.reshape(len(actions), -1)
        agreed = (np.abs(flat - wanted.reshape(flat.shape)) <= policy.spread(allowed)).all(1)
        explained = agreed & (flat >= policy.low).all(1) & (flat <= policy.high).all(1)
    if not explained.all():
        at = int(np.argmin(explained))
        told = f"{actions[at].tolist()} where the policy takes {wanted[at].tolist()}"
        raise Mismatch(f"for observation {at} the artefact takes action {told}: {_listed(observations[at])}")
    return agreed


def _listed(observation: np.ndarray) -> str:
    """An observation, or how it begins."""
    numbers = [f"{number:.4g}" for number in observation.ravel()[:8]]
    return f"[{', '.join(numbers)}{', ...' if observation.size > 8 else ''}]"
