"""From an experiment to what it stands for: optimizer, agent and environments."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from sparserl.experiment.choices import Experiment
from sparserl.experiment.kinds import AgentKind, Networks
from sparserl.experiment.memory import capacity_steps, check_memory
from sparserl.experiment.planning import (
    break_evens,
    by_name,
    make_environment,
    make_networks,
    nominal_sparsities,
    planned,
    require_environment,
    specification,
)
from sparserl.networks import Sized
from sparserl.sparsity import SparseOptimizer, Sparsities, sparse_glorot_uniform
from sparserl.types import Agent, Environment, EnvSpec, Field, UserError, within


class Built(NamedTuple):
    """What an experiment stands for."""

    kind: AgentKind
    agent: Agent
    environment: Environment
    evaluation_environment: Environment
    networks: Networks
    sparsities: Sparsities  # asked of each layer, by "network/layer"
    optimizers: dict[str, SparseOptimizer]  # by the group they own


def build(experiment: Experiment) -> Built:
    """Make the environments and the agent; whatever cannot be run is refused here, before any compute."""
    experiment = planned(experiment)
    environment = make_environment(experiment, experiment.num_environments)
    networks = make_networks(experiment, environment.spec)
    sparsities = nominal_sparsities(experiment, networks)
    optimizers = _optimizers(experiment, networks, sparsities)
    agent = make_agent(experiment, environment.spec, networks, optimizers)
    for_evaluation = make_environment(experiment, experiment.evaluation.num_episodes)
    return Built(experiment.kind, agent, environment, for_evaluation, networks, sparsities, optimizers)


def check(experiment: Experiment) -> Experiment:
    """The experiment, planned, once it is sure that it can be run here; UserError where it cannot be."""
    require_environment(experiment)
    check_memory(experiment)
    return check_choices(experiment)


def check_choices(experiment: Experiment) -> Experiment:
    """The experiment, planned, once all of it but its environments has been built; UserError where it cannot be."""
    experiment = planned(experiment)
    spec = specification(experiment)
    networks = make_networks(experiment, spec)
    optimizers = _optimizers(experiment, networks, nominal_sparsities(experiment, networks))
    make_agent(experiment, spec, networks, optimizers)
    return experiment


def make_agent(
    experiment: Experiment, spec: EnvSpec, networks: Networks, optimizers: dict[str, SparseOptimizer]
) -> Agent:
    """The agent of an experiment; its replay is made for no more steps than the run has."""
    settings: Any = experiment.agent
    if experiment.kind.memory is not None:
        settings = dataclasses.replace(settings, replay_capacity_steps=capacity_steps(experiment))
    with within("agent"):
        return experiment.kind.make(settings, spec, networks, optimizers, experiment.num_environments)


def _total_updates(experiment: Experiment) -> int:
    """Updates of the whole run; a total that never leaves the warm-up is refused."""
    settings = experiment.agent
    every = settings.steps_per_update
    num_steps = -(-experiment.total_steps // every) * every
    with within("agent"):
        total = settings.num_updates(num_steps, experiment.num_environments)
    if total < 1:
        raise UserError(
            f"all of it is warm-up; give more than {settings.warmup_steps} steps, or lower ",
            Field("agent.warmup_steps"),
            field="total_steps",
            value=experiment.total_steps,
        )
    return total


def _optimizers(experiment: Experiment, networks: Networks, sparsities: Sparsities) -> dict[str, SparseOptimizer]:
    """One for each group; each has the sparsities, the decay and the storage of its own layers."""
    limits = break_evens(experiment, networks, sparsities)
    total_updates, num_envs = _total_updates(experiment), experiment.num_environments
    with within("optimizer"):
        inner = experiment.optimizer.build(total_updates, experiment.agent.updates_per_rollout(num_envs))
    initializer = sparse_glorot_uniform if experiment.sparsity_aware_initialization else None

    def optimizer(members: Mapping[str, Sized]) -> SparseOptimizer:
        layers = [f"{name}/{layer}" for name, network in members.items() for layer in network.layer_shapes]
        own = lambda values: {name: values[name] for name in layers if name in values}
        return SparseOptimizer(
            inner=inner,
            method=experiment.method,
            sparsities=own(sparsities),
            total_updates=total_updates,
            weight_decay=own(_weight_decay(experiment, networks)),
            initializer=initializer,
            break_even=own(limits),
        )

    return {group: optimizer(members) for group, members in networks.items()}


def _weight_decay(experiment: Experiment, networks: Networks) -> dict[str, float]:
    """The factor of each decayed layer's L2 term."""
    spared = {"output"} if experiment.decayed_layers == "hidden" else set()
    factors = experiment.kind.decay_factors
    return {
        f"{name}/{layer}": factors.get(name, 1.0) * experiment.weight_decay
        for name, network in by_name(networks).items()
        for layer in network.layer_shapes
        if layer not in spared
    }
