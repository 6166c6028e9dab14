"""From a plan to what it stands for: optimizers, agent and environments."""

import dataclasses
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, NamedTuple

from sparserl.environments import close
from sparserl.experiment.choices import Experiment
from sparserl.experiment.environment import make_environment, make_evaluation_environment, require_environment
from sparserl.experiment.machine import refuse_altered_settings
from sparserl.experiment.memory import capacity_steps, check_memory
from sparserl.experiment.plan import Plan, check_experiment, plan_of
from sparserl.networks import Sized
from sparserl.sparsity import SparseOptimizer, sparse_glorot_uniform
from sparserl.types import Agent, Environment, within


class Learner(NamedTuple):
    """What a plan stands for, but for its environments."""

    plan: Plan
    agent: Agent
    optimizers: dict[str, SparseOptimizer]  # by the group they own


class Built(NamedTuple):
    """What a plan stands for; `close` it in the end."""

    plan: Plan
    agent: Agent
    environment: Environment
    evaluation_environment: Environment
    optimizers: dict[str, SparseOptimizer]  # by the group they own

    def close(self) -> None:
        """Release what the environments hold; it can be said again, and never raises."""
        for environment in (self.evaluation_environment, self.environment):
            close(environment)


def build(experiment: Experiment | Plan) -> Built:
    """Make the environments and the agent; whatever cannot be run is refused here, before any compute.

    What the agent has to know of its environment is seen in those that are made, none is made for that alone.
    """
    refuse_altered_settings()
    choices = experiment.experiment if isinstance(experiment, Plan) else experiment
    check_experiment(choices)
    with ExitStack() as made:
        environment = make_environment(choices, choices.num_environments)
        made.callback(close, environment)
        plan, agent, optimizers = make_learner(experiment)
        for_evaluation = make_evaluation_environment(choices, choices.evaluation.num_episodes)
        made.pop_all()
    return Built(plan, agent, environment, for_evaluation, optimizers)


def make_learner(experiment: Experiment | Plan) -> Learner:
    """The agent and its optimizers."""
    plan = plan_of(experiment)
    optimizers = make_optimizers(plan)
    return Learner(plan, make_agent(plan, optimizers), optimizers)


def check(experiment: Experiment | Plan) -> Experiment:
    """The experiment, planned, once it is sure that it can be run here; UserError where it cannot be."""
    require_environment(experiment.experiment if isinstance(experiment, Plan) else experiment)
    check_memory(experiment)
    return check_choices(experiment)


def check_choices(experiment: Experiment | Plan) -> Experiment:
    """The experiment, planned, once all of it but its environments has been built; UserError where it cannot be."""
    return make_learner(experiment).plan.experiment


def make_agent(plan: Plan, optimizers: Mapping[str, SparseOptimizer]) -> Agent:
    """The agent of a plan; its replay is made for no more steps than the run has."""
    settings: Any = plan.experiment.agent
    if plan.kind.memory is not None:
        settings = dataclasses.replace(settings, replay_capacity_steps=capacity_steps(plan))
    with within("agent"):
        return plan.kind.make(settings, plan.spec, plan.networks, optimizers, plan.experiment.num_environments)


def make_optimizers(plan: Plan) -> dict[str, SparseOptimizer]:
    """One for each group; each has the sparsities, the decay and the storage of its own layers."""
    experiment, decay = plan.experiment, _weight_decay(plan)
    updates_per_rollout = experiment.agent.updates_per_rollout(experiment.num_environments)
    with within("optimizer"):
        inner = experiment.optimizer.build(plan.total_updates, updates_per_rollout)
    initializer = sparse_glorot_uniform if experiment.sparsity_aware_initialization else None
    limits = {name: layer.compressed_up_to for name, layer in plan.layers.items()}

    def optimizer(members: Mapping[str, Sized]) -> SparseOptimizer:
        layers = [f"{name}/{layer}" for name, network in members.items() for layer in network.layer_shapes]
        own = lambda values: {name: values[name] for name in layers if values.get(name) is not None}
        return SparseOptimizer(
            inner=inner,
            method=experiment.method,
            sparsities=own(plan.sparsities),
            total_updates=plan.total_updates,
            weight_decay=own(decay),
            initializer=initializer,
            break_even=own(limits),
        )

    return {group: optimizer(members) for group, members in plan.networks.items()}


def _weight_decay(plan: Plan) -> dict[str, float]:
    """The factor of each decayed layer's L2 term."""
    spared = {"output"} if plan.experiment.decayed_layers == "hidden" else set()
    factors = plan.kind.decay_factors
    return {
        name: factors.get(name.partition("/")[0], 1.0) * plan.experiment.weight_decay
        for name, layer in plan.layers.items()
        if layer.cost.name not in spared
    }
