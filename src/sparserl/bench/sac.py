"""SAC's update: the agent itself with HalfCheetah's shapes, as the paper's preset has it, without the environment."""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from sparserl.agents.sac import SAC
from sparserl.bench.choices import Updates
from sparserl.bench.work import AgentUpdate, Pass, agent_of, experiment, full_replay, network_passes
from sparserl.experiment.plan import resolved
from sparserl.networks import MLP
from sparserl.types import Array, Box, EnvSpec, Group, Key

ENVIRONMENT, OBSERVATION_SIZE, ACTION_SIZE = "HalfCheetah-v5", 17, 6
BOUNDS = np.ones(ACTION_SIZE, np.float32)
SPEC = EnvSpec(ENVIRONMENT, (OBSERVATION_SIZE,), np.dtype("float32"), Box((ACTION_SIZE,), -BOUNDS, BOUNDS), 1_000)


def work(options: Updates, sparsity: float, variant: str) -> AgentUpdate:
    """What `SAC.update` does after the warm-up: store a transition, sample, three losses, optimizers, averages."""
    agent = make(options, sparsity, variant)
    init_key, action_key, replay_key = jax.random.split(jax.random.key(0), 3)
    action = jax.random.uniform(action_key, (options.replay_steps, 1, ACTION_SIZE), minval=-1.0)
    ring = full_replay(replay_key, OBSERVATION_SIZE, action, options.replay_steps)
    state = jax.jit(agent.init)(init_key)._replace(replay=ring)
    rollout = jax.tree.map(lambda field: field[:1], ring.storage)
    first_steps = agent.settings.warmup_steps + agent.settings.steps_per_update

    def update(key: Key, num_updates: Array, state: Any) -> tuple[Any, Array]:
        state, metrics = agent.update(key, first_steps + num_updates, state, rollout)
        return state, metrics["loss"]

    return AgentUpdate(state, update, _passes(agent, state.groups))


def make(options: Updates, sparsity: float, variant: str) -> SAC:
    """SAC with the method and the storage of a variant."""
    plan = resolved(experiment("sac", ENVIRONMENT, options, sparsity, variant), SPEC)
    agent = agent_of(plan, options, sparsity, variant)
    assert isinstance(agent, SAC)
    return agent


def _passes(agent: SAC, groups: Mapping[str, Group]) -> tuple[Pass, ...]:
    """The passes of the target, the critics' loss and the actor's loss, in this order."""
    assert isinstance(agent.actor, MLP)
    assert isinstance(agent.critic, MLP)
    actor, critics = groups["actor"].params["actor"], groups["critics"].params
    batch_size = agent.settings.batch_size
    passes = functools.partial(network_passes, batch_size=batch_size)
    of_critics = lambda mlp=agent.critic, **wanted: [
        each for params in critics.values() for each in passes(mlp, params, **wanted)
    ]
    of_actor = lambda mlp=agent.actor, **wanted: passes(mlp, actor, **wanted)
    target = (*of_actor(), *of_critics())
    losses = (*of_critics(weights_wanted=True), *of_actor(weights_wanted=True), *of_critics(inputs_wanted=True))
    return target + losses
