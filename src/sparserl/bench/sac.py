"""SAC's update: the agent itself with HalfCheetah's shapes, as the paper's preset has it, without the environment."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from sparserl import linalg
from sparserl.agents.sac import CRITICS, SAC, SACSettings
from sparserl.bench.choices import Updates
from sparserl.bench.work import METHOD_OF, STORAGE_OF, Pass, Work, full_replay, network_passes
from sparserl.networks import MLP, MLPSettings
from sparserl.presets import PRESETS
from sparserl.sparsity import Distribution, SparseOptimizer, sparse_glorot_uniform
from sparserl.types import Array, Box, EnvSpec, Group, Key

ENVIRONMENT, OBSERVATION_SIZE, ACTION_SIZE = "HalfCheetah-v5", 17, 6
BOUNDS = np.ones(ACTION_SIZE, np.float32)
SPEC = EnvSpec(ENVIRONMENT, (OBSERVATION_SIZE,), np.dtype("float32"), Box((ACTION_SIZE,), -BOUNDS, BOUNDS), 1_000)


def work(options: Updates, sparsity: float, variant: str) -> Work:
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

    return Work(state, update, _passes(agent, state.groups))


def make(options: Updates, sparsity: float, variant: str) -> SAC:
    """SAC with the method and the storage of a variant."""
    preset = PRESETS["sac"](METHOD_OF[variant], "paper", ENVIRONMENT)
    assert isinstance(preset.network, MLPSettings)
    network = dataclasses.replace(preset.network, hidden_units=options.hidden_units or preset.network.hidden_units)
    assert isinstance(preset.agent, SACSettings)
    settings = dataclasses.replace(
        preset.agent,
        replay_capacity_steps=options.replay_steps,
        batch_size=options.batch_size or preset.agent.batch_size,
    )
    actor = MLP(network, (OBSERVATION_SIZE,), 2 * ACTION_SIZE)
    critic = MLP(network, (OBSERVATION_SIZE + ACTION_SIZE,), 1)
    method: Any = preset.method
    if method.window is not None:
        window = dataclasses.replace(method.window, interval_updates=options.interval_updates)
        method = dataclasses.replace(method, window=window)

    def optimizer(networks: Mapping[str, MLP], decay: float) -> SparseOptimizer:
        shapes = {name: network.layer_shapes for name, network in networks.items()}
        sparsities = Distribution("erk").network_sparsities(shapes, dict.fromkeys(networks, sparsity))
        flat = {f"{name}/{layer}": shape for name, layers in shapes.items() for layer, shape in layers.items()}
        storage, possible = STORAGE_OF[variant], linalg.unavailable_reason() is None
        everywhere = storage == "compressed"
        densities = {layer: 1.0 - value for layer, value in sparsities.items()}
        limits = linalg.compression_limits(flat, densities, settings.batch_size, everywhere)
        return SparseOptimizer(
            inner=preset.optimizer.build(preset.total_steps),
            method=method,
            sparsities=sparsities,
            total_updates=preset.total_steps - settings.warmup_steps,
            weight_decay=dict.fromkeys(flat, decay),
            initializer=sparse_glorot_uniform,
            break_even=limits if possible and storage != "masked" else {},
        )

    of_critics = optimizer(dict.fromkeys(CRITICS, critic), 0.5 * preset.weight_decay)
    optimizers = {"actor": optimizer({"actor": actor}, preset.weight_decay), "critics": of_critics}
    return SAC(settings, SPEC, actor, critic, optimizers)  # type: ignore[arg-type]


def _passes(agent: SAC, groups: Mapping[str, Group]) -> tuple[Pass, ...]:
    """Of the target, the critics' loss and the actor's loss, in this order."""
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
