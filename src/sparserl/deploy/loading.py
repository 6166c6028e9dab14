"""Loading: the policy of a run that has finished."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sparserl import persistence
from sparserl.deploy.describing import contract_of, provenance
from sparserl.deploy.policy import LIMIT, Normalizer, Policy
from sparserl.deploy.reach import LARGEST, reach
from sparserl.deploy.steps import Dense, Step, steps_of, weighted
from sparserl.experiment import Experiment, rebuild
from sparserl.experiment.building import Learner
from sparserl.networks.observations import BRIGHTEST
from sparserl.sparsity import topology
from sparserl.types import AgentState, Box, Deployable, Discrete, UserError


class Trained(NamedTuple):
    """A run's policy in NumPy, and what it was made from."""

    policy: Policy
    experiment: Experiment
    learner: Learner
    state: AgentState


def load(run: str | Path, results: str | Path = "results") -> Policy:
    """The policy of a finished run: `.act(observation)` takes and gives NumPy arrays, one observation or a batch.

    run: its folder `.../seed=<n>`, or `<experiment id>/seed=<n>` in the directory `results`. Raises `UserError`, in one
    line, for a run that is not there, not finished or damaged, and for an agent or network that cannot be exported.
    """
    return load_trained(run, results).policy


def load_trained(run: str | Path, results: str | Path = "results") -> Trained:
    """The same with the agent that was trained."""
    folder = persistence.find_run(run, [results])
    _require_finished(folder)
    experiment, learner, state = rebuild(folder)
    return Trained(policy_of(learner, state, provenance(experiment, folder)), experiment, learner, state)


def policy_of(learner: Learner, state: AgentState, training: Mapping[str, Any]) -> Policy:
    """The policy of an agent in a state. Raises `UserError` for one that does not say how it acts without chance."""
    agent, experiment, spec = learner.agent, learner.plan.experiment, learner.plan.spec
    if not isinstance(agent, Deployable):
        raise UserError(
            f"agent {experiment.agent_name} cannot be exported: it has no method `acting`, see docs/deploy.md"
        )
    acting = agent.acting(state)
    group, prefix = state.groups[acting.group], f"{acting.name}/"
    masks = {name.removeprefix(prefix): np.asarray(mask) for name, mask in topology(group).items()}
    steps = _acting_outputs(steps_of(acting.network, group.params[acting.name], masks), _num_outputs(spec.action))
    normalizer = None if acting.normalizer is None else _flat(acting.normalizer)
    pixels = normalizer is None and spec.observation_dtype == np.uint8
    divisor, limit = BRIGHTEST if pixels else 1.0, LIMIT if normalizer is None else normalizer.limit
    _require_finite(steps, normalizer, spec.observation_shape, 1.0 if pixels else limit)
    contract = contract_of(experiment, spec, acting.decision, acting.normalizer, limit, divisor, steps, training)
    low, high = _bounds(spec.action)
    if acting.decision == "tanh" and not (low is not None and high is not None and np.isfinite(high - low).all()):
        raise UserError(f"agent {experiment.agent_name} squashes actions between bounds, and there are none")
    return Policy(contract, steps, acting.decision, normalizer, divisor, low, high)


def _require_finite(
    steps: tuple[Step, ...], normalizer: Normalizer | None, shape: tuple[int, ...], limit: float
) -> None:
    """Raises UserError where some observation could lead to an action that is not finite, or to none."""
    if not all(np.isfinite(step.kernel).all() and np.isfinite(step.bias).all() for step in weighted(steps)):
        raise UserError("the policy has weights that are not finite: its training diverged")
    if normalizer is not None and not np.isfinite([normalizer.mean, normalizer.scale]).all():
        raise UserError("the policy's normalizer is not finite: it has met observations too large for float32")
    if normalizer is not None and not (normalizer.scale > 0).all():
        raise UserError("the policy's normalizer divides by numbers that are not above 0")
    if reach(steps, shape, limit) > LARGEST:
        raise UserError("the policy has weights so large that its outputs may not be finite: its training diverged")


def _require_finished(run: Path) -> None:
    """Raises UserError for a run whose policy is not the one that its training ended with, or is told by another's."""
    status = persistence.read_status(run)
    held = persistence.run_in(run, persistence.EVALUATIONS)
    if status is not None and status.name and held is not None and status.name != str(held):
        raise UserError(f"{run} holds {held}, and {run / 'status.json'} is that of {status.name}: put its own there")
    if status is not None and status.status != "finished":
        raise UserError(f"{run} has not finished, it is {status.status}: train it to its end first")
    if not persistence.has_bundle(run / "checkpoint"):
        if status is None:
            raise UserError(f"{run} has no policy yet: train it first")
        if status.packed:
            raise UserError(f"{run} was packed, without its policy: take it from where it was trained")
        raise UserError(f"{run} has finished, and its policy is not whole: copy {run / 'checkpoint'} again")


def _num_outputs(action: Discrete | Box) -> int:
    return action.num_actions if isinstance(action, Discrete) else math.prod(action.shape)


def _acting_outputs(steps: tuple[Step, ...], num_outputs: int) -> tuple[Step, ...]:
    """The steps without those outputs of the last layer, behind the first, that only exploration needs."""
    *before, last = steps
    if not isinstance(last, Dense) or len(last.bias) < num_outputs:
        raise UserError(f"the network does not end in a dense layer of {num_outputs} outputs or more")
    kernel, live = np.ascontiguousarray(last.kernel[:, :num_outputs]), last.live[:, :num_outputs].copy()
    return (*before, last._replace(kernel=kernel, bias=last.bias[:num_outputs], live=live))


def _flat(normalizer: Any) -> Normalizer:
    mean, scale = (np.asarray(each, np.float32).ravel() for each in (normalizer.mean, normalizer.scale))
    return Normalizer(mean, scale, float(normalizer.limit))


def _bounds(action: Discrete | Box) -> tuple[np.ndarray | None, np.ndarray | None]:
    if isinstance(action, Discrete):
        return None, None
    low, high = (np.asarray(np.broadcast_to(bound, action.shape), np.float32) for bound in (action.low, action.high))
    return low.ravel(), high.ravel()
