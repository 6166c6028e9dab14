"""From an experiment to what it stands for: optimizer, agent and environments."""

from collections.abc import Mapping
from typing import NamedTuple

from sparserl import environments
from sparserl.agents.dqn import DQN, num_updates
from sparserl.experiment.choices import Experiment
from sparserl.experiment.planning import break_evens, layer_densities, make_network, planned
from sparserl.networks import MLP
from sparserl.sparsity import SparseOptimizer, sparse_glorot_uniform
from sparserl.types import Agent, Environment, UserError


class Built(NamedTuple):
    """What an experiment stands for."""

    agent: Agent
    environment: Environment
    evaluation_environment: Environment
    network: MLP
    densities: dict[str, float]
    optimizers: dict[str, SparseOptimizer]  # by the group they own


def build(experiment: Experiment) -> Built:
    """Make the environments and the agent; whatever cannot be run is refused here, before any compute."""
    experiment = planned(experiment)
    make = lambda num_envs: environments.make(experiment.environment, num_envs, experiment.environment_backend)
    environment = make(experiment.num_environments)
    network = make_network(experiment, environment.spec)
    densities = layer_densities(experiment, network)
    optimizer = _optimizer(experiment, network, densities)
    agent = DQN(experiment.agent, environment.spec, network, optimizer, experiment.num_environments)
    return Built(agent, environment, make(experiment.evaluation.num_episodes), network, densities, {"q": optimizer})


def _total_updates(experiment: Experiment) -> int:
    """Updates of the whole run; a total that never leaves the warm-up is refused."""
    settings = experiment.agent
    every = settings.steps_per_update
    total = num_updates(settings, -(-experiment.total_steps // every) * every)
    if total < 1:
        raise UserError(
            f"total_steps is {experiment.total_steps}, all of it warm-up: give more than "
            f"{settings.warmup_steps} steps, or lower agent.warmup_steps"
        )
    return total


def _optimizer(experiment: Experiment, network: MLP, densities: Mapping[str, float]) -> SparseOptimizer:
    spared = {"output"} if experiment.decayed_layers == "hidden" else set()
    decayed = [f"q/{name}" for name in network.layer_shapes if name not in spared]
    return SparseOptimizer(
        inner=experiment.optimizer.build(),
        method=experiment.method,
        densities=dict(densities),
        total_updates=_total_updates(experiment),
        weight_decay=dict.fromkeys(decayed, experiment.weight_decay),
        initializer=sparse_glorot_uniform if experiment.sparsity_aware_initialization else None,
        break_even=break_evens(experiment, densities),
    )
