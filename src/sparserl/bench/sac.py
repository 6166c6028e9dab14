"""SAC's update (Haarnoja et al. 2018), written for measuring: losses, optimizers and targets as an agent has them.

Shapes are HalfCheetah's, temperature is automatic. There is no agent around it yet; when there is, it replaces this.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sparserl import linalg
from sparserl.agents import replay
from sparserl.agents.noise import standard_normal
from sparserl.bench.choices import Updates
from sparserl.bench.work import METHOD_OF, STORAGE_OF, Pass, Work, full_replay, network_passes
from sparserl.networks import MLP, MLPSettings
from sparserl.sparsity import (
    Distribution,
    InnerOptimizer,
    SparseOptimizer,
    Window,
    find_method,
    sparse_glorot_uniform,
)
from sparserl.types import Array, Group, Key, Params

OBSERVATION_SIZE, ACTION_SIZE = 17, 6
HIDDEN_UNITS, BATCH_SIZE = (256, 256), 256
LEARNING_RATE, DISCOUNT, TARGET_STEP_SIZE = 3e-4, 0.99, 0.005
LOG_DEVIATION = (-5.0, 2.0)  # limits
TOTAL_UPDATES = 1_000_000  # the paper's training, to which the window of topology updates belongs


class State(NamedTuple):
    """Groups "actor" and "critics", the replay, and the logarithm of the temperature with its optimizer's state."""

    groups: dict[str, Group]
    replay: replay.Replay
    log_temperature: Array
    temperature_state: optax.OptState


@dataclasses.dataclass(frozen=True)
class SAC:
    """Actor and critics with the optimizers of their groups."""

    actor: MLP
    critic: MLP
    optimizers: Mapping[str, SparseOptimizer]
    batch_size: int

    def init(self, key: Key, ring: replay.Replay) -> State:
        """A new learner with this replay."""
        keys = jax.random.split(key, 5)
        critics = {"critic_1": self.critic.init(keys[0]), "critic_2": self.critic.init(keys[1])}
        groups = {
            "actor": self.optimizers["actor"].init(keys[2], {"actor": self.actor.init(keys[3])}, with_target=False),
            "critics": self.optimizers["critics"].init(keys[4], critics, with_target=True),
        }
        log_temperature = jnp.float32(0.0)
        return State(groups, ring, log_temperature, _temperature_optimizer().init(log_temperature))

    def update(self, key: Key, num_updates: Array, state: State) -> tuple[State, Array]:
        """Sample a batch; step critics, actor and temperature; move the targets. The loss is the critics'."""
        sample_key, next_key, critics_key, action_key, actor_key = jax.random.split(key, 5)
        batch = replay.sample(sample_key, state.replay, self.batch_size, DISCOUNT)
        temperature = jnp.exp(state.log_temperature)
        actor, critics = state.groups["actor"], state.groups["critics"]

        target = self._target(next_key, temperature, actor.params["actor"], critics.target_params, batch)
        critic_loss = lambda params: self._critic_loss(params, target, batch)
        critics, loss = self.optimizers["critics"].minimize(critics_key, num_updates, critic_loss, critics)

        actor_loss = lambda params: self._actor_loss(action_key, temperature, params["actor"], critics.params, batch)
        actor, entropy = self.optimizers["actor"].minimize(actor_key, num_updates, actor_loss, actor)

        slope = jnp.exp(state.log_temperature) * (entropy + ACTION_SIZE)  # the target entropy is minus the actions
        step, temperature_state = _temperature_optimizer().update(slope, state.temperature_state)
        critics = self.optimizers["critics"].average(num_updates, critics, TARGET_STEP_SIZE)
        groups = {"actor": actor, "critics": critics}
        return State(groups, state.replay, state.log_temperature + step, temperature_state), loss

    def _target(self, key: Key, temperature: Array, actor: Params, critics: Any, batch: replay.Batch) -> Array:
        """What the critics should say, `[batch]`: equations 3 and 5 of Haarnoja et al. 2018 (applications)."""
        action, log_probability = self._sample_action(key, actor, batch.next_observation)
        value = self._values(critics, batch.next_observation, action).min(0) - temperature * log_probability
        return jax.lax.stop_gradient(batch.reward + batch.discount * value)

    def _critic_loss(self, critics: Any, target: Array, batch: replay.Batch) -> tuple[Array, Array]:
        error = self._values(critics, batch.observation, batch.action) - jnp.expand_dims(target, 0)
        loss = (error**2).mean(-1).sum()
        return loss, loss

    def _actor_loss(
        self, key: Key, temperature: Array, actor: Params, critics: Any, batch: replay.Batch
    ) -> tuple[Array, Array]:
        action, log_probability = self._sample_action(key, actor, batch.observation)
        value = self._values(critics, batch.observation, action).min(0)
        return (temperature * log_probability - value).mean(), -log_probability.mean()

    def _sample_action(self, key: Key, actor: Params, observation: Array) -> tuple[Array, Array]:
        """Actions `[batch, action]` squashed by tanh, and their log-probabilities `[batch]`."""
        mean, log_deviation = jnp.split(self.actor.apply(actor, observation), 2, axis=-1)
        log_deviation = jnp.clip(log_deviation, *LOG_DEVIATION)
        noise = standard_normal(key, mean.shape)
        raw = mean + jnp.exp(log_deviation) * noise
        log_density = -0.5 * noise**2 - log_deviation - 0.5 * jnp.log(2 * jnp.pi)
        # By log and not by log1p, which XLA calls for every number by itself; the argument is between 1 and 2.
        softplus = jnp.maximum(-2.0 * raw, 0.0) + jnp.log(1.0 + jnp.exp(-jnp.abs(2.0 * raw)))
        log_slope = 2.0 * (jnp.log(2.0) - raw - softplus)  # of tanh
        return jnp.tanh(raw), (log_density - log_slope).sum(-1)

    def _values(self, critics: Any, observation: Array, action: Array) -> Array:
        """What both critics say, `[critic, batch]`."""
        both = jnp.concatenate([observation, action], axis=-1)
        return jnp.stack([self.critic.apply(critics[name], both)[:, 0] for name in ("critic_1", "critic_2")])


def _temperature_optimizer() -> optax.GradientTransformation:
    return optax.adam(LEARNING_RATE)


def work(options: Updates, sparsity: float, variant: str) -> Work:
    """Sample a batch, three losses and their optimizers, target averages; nothing is stored and nobody acts."""
    agent = make(options, sparsity, variant)
    init_key, action_key, replay_key = jax.random.split(jax.random.key(0), 3)
    action = jax.random.uniform(action_key, (options.replay_steps, 1, ACTION_SIZE), minval=-1.0)
    ring = full_replay(replay_key, OBSERVATION_SIZE, action, options.replay_steps)
    state = jax.jit(agent.init)(init_key, ring)
    return Work(state, agent.update, _passes(agent, state.groups))


def make(options: Updates, sparsity: float, variant: str) -> SAC:
    """SAC with the method and the storage of a variant."""
    hidden_units, batch_size = options.hidden_units or HIDDEN_UNITS, options.batch_size or BATCH_SIZE
    settings = MLPSettings(hidden_units, output_bias=0.0)
    actor = MLP(settings, (OBSERVATION_SIZE,), 2 * ACTION_SIZE)
    critic = MLP(settings, (OBSERVATION_SIZE + ACTION_SIZE,), 1)
    networks = {"actor": {"actor": actor}, "critics": {"critic_1": critic, "critic_2": critic}}
    optimizers = {
        group: _optimizer(options, variant, sparsity, members, batch_size) for group, members in networks.items()
    }
    return SAC(actor, critic, optimizers, batch_size)


def _optimizer(
    options: Updates, variant: str, sparsity: float, networks: Mapping[str, MLP], batch_size: int
) -> SparseOptimizer:
    shapes = {name: network.layer_shapes for name, network in networks.items()}
    densities = Distribution("erk").network_densities(shapes, dict.fromkeys(networks, sparsity))
    method = find_method(METHOD_OF[variant])
    window = {"window": Window(interval_updates=options.interval_updates)} if variant == "compressed_rigl" else {}
    flat = {f"{network}/{layer}": shape for network, layers in shapes.items() for layer, shape in layers.items()}
    storage, possible = STORAGE_OF[variant], linalg.unavailable_reason() is None
    everywhere = storage == "compressed"
    compress = possible and storage != "masked"
    limits = linalg.compression_limits(flat, densities, batch_size, everywhere) if compress else {}
    return SparseOptimizer(
        inner=InnerOptimizer("adam", LEARNING_RATE).build(),
        method=method(**window),
        densities=densities,
        total_updates=TOTAL_UPDATES,
        initializer=sparse_glorot_uniform,
        break_even=limits,
    )


def _passes(agent: SAC, groups: Mapping[str, Group]) -> tuple[Pass, ...]:
    """Of the target, the critics' loss and the actor's loss, in this order."""
    actor, critics = groups["actor"].params["actor"], groups["critics"].params
    of_critics = lambda **wanted: [
        each for params in critics.values() for each in network_passes(agent.critic, params, agent.batch_size, **wanted)
    ]
    of_actor = lambda **wanted: network_passes(agent.actor, actor, agent.batch_size, **wanted)
    target = (*of_actor(), *of_critics())
    losses = (*of_critics(weights_wanted=True), *of_actor(weights_wanted=True), *of_critics(inputs_wanted=True))
    return target + losses
