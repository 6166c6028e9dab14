"""DQN's update: the agent itself, as `experiment.build` makes it for Acrobot, without the environment."""

import math
from typing import Any

import jax

from sparserl.bench.choices import Updates
from sparserl.bench.work import AgentUpdate, Pass, agent_of, experiment, full_replay, network_passes
from sparserl.experiment import Built, build
from sparserl.networks import MLP
from sparserl.types import Array, Discrete, Key, Params

ENVIRONMENT = "Acrobot-v1"


def work(options: Updates, sparsity: float, variant: str) -> AgentUpdate:
    """What `DQN.update` does after the warm-up: store a transition, sample a batch, loss, optimizer, target copy."""
    chosen = experiment("dqn", ENVIRONMENT, options, sparsity, variant)
    built = build(chosen)
    agent: Any = agent_of(built.plan, options, sparsity, variant)
    spec, settings = built.environment.spec, chosen.agent
    assert isinstance(spec.action, Discrete)
    init_key, action_key, replay_key = jax.random.split(jax.random.key(0), 3)
    action = jax.random.randint(action_key, (options.replay_steps, 1), 0, spec.action.num_actions)
    ring = full_replay(replay_key, math.prod(spec.observation_shape), action, options.replay_steps)
    state = jax.jit(agent.init)(init_key)._replace(replay=ring)
    rollout = jax.tree.map(lambda field: field[:1], ring.storage)
    first_steps = settings.warmup_steps + settings.steps_per_update

    def update(key: Key, num_updates: Array, state: Any) -> tuple[Any, Array]:
        state, metrics = agent.update(key, first_steps + num_updates, state, rollout)
        return state, metrics["loss"]

    return AgentUpdate(state, update, _passes(built, state.groups["q"].params["q"], chosen.agent.batch_size))


def _passes(built: Built, params: Params, batch_size: int) -> tuple[Pass, ...]:
    network = built.plan.networks["q"]["q"]
    assert isinstance(network, MLP)
    online = network_passes(network, params, batch_size, weights_wanted=True)
    target = network_passes(network, params, batch_size)
    return (*online, *target)
