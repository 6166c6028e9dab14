"""SAC: soft actor-critic with automatic temperature (Haarnoja et al. 2018, "Algorithms and Applications")."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from sparserl.agents import replay
from sparserl.agents.noise import standard_normal
from sparserl.agents.replay import Steps
from sparserl.networks.observations import as_floats
from sparserl.types import (
    Acting,
    Array,
    Box,
    EnvSpec,
    Field,
    Group,
    Key,
    Metrics,
    Network,
    Optimizer,
    Params,
    Probe,
    Transition,
    UserError,
    check_fields,
)

CRITICS = ("critic_1", "critic_2")
Critics = dict[str, Params]  # by these names


@dataclasses.dataclass(frozen=True)
class SACSettings:
    """Hyperparameters of SAC; the defaults are the paper's (Table 8), and where it is silent, Haarnoja's."""

    discount: float = 0.99  # of one step
    batch_size: int = 256  # transitions of a gradient update
    replay_capacity_steps: int = 1_000_000  # steps per environment that replay remembers
    warmup_steps: int = 10_000  # uniformly random actions, no update
    steps_per_update: int = 1  # environment steps between gradient updates
    target_interval_updates: int = 1  # updates between steps of the target networks
    target_step_size: float = 0.005  # of the targets towards the critics
    initial_temperature: float = 1.0  # weight of the entropy
    temperature_learning_rate: float = 3e-4  # of Adam, on the logarithm of the temperature
    target_entropy_per_dimension: float = -1.0  # of the policy, for each dimension of the action (Deviation 27)
    reward_scale: float = 1.0  # what rewards are multiplied with when they are learned from (Deviation 27)
    log_deviation_minimum: float = -20.0  # of the policy before tanh (Deviation 27)
    log_deviation_maximum: float = 2.0  # of the policy before tanh (Deviation 27)
    bootstrap_time_limits: bool = True  # without it, the end of the time limit counts as a termination (Deviation 14)

    def __post_init__(self) -> None:
        check_fields(self)
        least = {"batch_size": 1, "steps_per_update": 1, "target_interval_updates": 1, "warmup_steps": 0}
        for name, minimum in {**least, "replay_capacity_steps": 1}.items():
            if getattr(self, name) < minimum:
                raise UserError(f"it must be at least {minimum}", field=name, value=getattr(self, name))
        for name in ("discount", "target_step_size"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError("it must lie in [0, 1]", field=name, value=getattr(self, name))
        for name in ("initial_temperature", "temperature_learning_rate", "reward_scale"):
            if not getattr(self, name) > 0:
                raise UserError("it must be greater than 0", field=name, value=getattr(self, name))
        if not self.log_deviation_minimum < self.log_deviation_maximum:
            low, high = self.log_deviation_minimum, self.log_deviation_maximum
            raise UserError(
                "it must be below ",
                Field("log_deviation_maximum"),
                f", which is {high}",
                field="log_deviation_minimum",
                value=low,
            )

    def num_updates(self, num_steps: Steps, num_envs: int = 1) -> Steps:
        """Gradient updates that `num_steps` steps of every environment bring: one per `steps_per_update` after the
        warm-up, however many environments there are.
        """
        return replay.num_updates(num_steps, max(self.warmup_steps, 1), self.steps_per_update)

    def updates_per_rollout(self, num_envs: int) -> int:
        """Gradient updates between two rollouts."""
        return 1


class SACState(NamedTuple):
    """Groups "actor" and "critics", the replay, and the logarithm of the temperature with its optimizer's state."""

    groups: dict[str, Group]
    replay: replay.Replay
    log_temperature: Array
    temperature_state: optax.OptState


class Learned(NamedTuple):
    """What a gradient update changes of a state: all but the replay."""

    groups: dict[str, Group]
    log_temperature: Array
    temperature_state: optax.OptState


class UpdateKeys(NamedTuple):
    """The keys of one gradient update: for what is drawn, and for the two optimizers."""

    batch: Key
    target: Key  # the actions in the critics' targets
    critics: Key
    action: Key  # those in the actor's loss
    actor: Key


class DrawnActions(NamedTuple):
    """Actions `[batch, ...]` in [-1, 1] and their log-densities `[batch]`."""

    action: Array
    log_density: Array


@dataclasses.dataclass(frozen=True)
class SAC:
    """The agent; the actor gives means and log deviations `[..., 2 * action]`, a critic one value `[..., 1]`.

    `num_envs` environments are stepped side by side and share one replay. Inside, actions lie in
    [-1, 1]: in the replay, for the critics and for densities; only the environment gets them scaled to its bounds
    (Deviation 28).
    """

    settings: SACSettings
    spec: EnvSpec
    actor: Network
    critic: Network
    optimizers: dict[str, Optimizer]  # "actor" and "critics"
    num_envs: int = 1

    def __post_init__(self) -> None:
        check_actions(self.spec)

    @property
    def steps_per_update(self) -> int:
        return self.settings.steps_per_update

    def num_updates(self, num_steps: int) -> int:
        """Gradient updates done after `num_steps` environment steps; warm-up steps count inside the total."""
        return self.settings.num_updates(num_steps)

    def init(self, key: Key) -> SACState:
        """A new learner with an empty replay."""
        actor_key, critic_key, *group_keys = jax.random.split(key, 4)
        critics = {name: self.critic.init(jax.random.fold_in(critic_key, i)) for i, name in enumerate(CRITICS)}
        actor, of_critics = self.optimizers["actor"], self.optimizers["critics"]
        groups = {
            "actor": actor.init(group_keys[0], {"actor": self.actor.init(actor_key)}, with_target=False),
            "critics": of_critics.init(group_keys[1], critics, with_target=True),
        }
        step = replay.one_step(self.spec, self.num_envs)
        log_temperature = jnp.float32(math.log(self.settings.initial_temperature))
        ring = replay.empty(step, self.settings.replay_capacity_steps)
        return SACState(groups, ring, log_temperature, self._temperature_optimizer.init(log_temperature))

    def explore(self, key: Key, num_steps: Array, state: SACState, observation: Array) -> Array:
        """Drawn actions `[env, ...]` for observations `[env, ...]`; uniformly random ones during warm-up."""
        warmup_key, action_key = jax.random.split(key)
        drawn, _ = self.sample_action(action_key, state.groups["actor"].params["actor"], observation)
        random = jax.random.uniform(warmup_key, drawn.shape, minval=-1.0, maxval=1.0)
        return self._to_bounds(jnp.where(num_steps < self.settings.warmup_steps, random, drawn))

    def exploit(self, key: Key, state: SACState, observation: Array) -> Array:
        """Actions for evaluation: tanh of the mean."""
        mean, _ = self._policy(state.groups["actor"].params["actor"], observation)
        return self._to_bounds(jnp.tanh(mean))

    def acting(self, state: SACState) -> Acting:
        """How it acts in evaluations: tanh of the mean."""
        return Acting("actor", "actor", self.actor, "tanh")

    def update(self, key: Key, num_steps: Array, state: SACState, rollout: Transition) -> tuple[SACState, Metrics]:
        """Store a rollout `[step, env, ...]`, whose steps `num_steps` includes; after warm-up, take a gradient step."""
        if not self.settings.bootstrap_time_limits:
            rollout = rollout._replace(terminated=rollout.terminated | rollout.truncated)
        reward = self.settings.reward_scale * rollout.reward
        rollout = rollout._replace(action=self._to_unit(rollout.action), reward=reward)
        ring = replay.add(state.replay, rollout)
        num_updates = self.settings.num_updates(num_steps)
        names = ("loss", "actor_loss", "entropy", "temperature", "mean_value")
        skip = lambda learned: (learned, dict.fromkeys(names, jnp.float32(jnp.nan)))
        learn = lambda learned: self._learn(key, num_updates - 1, learned, ring)
        learned = Learned(state.groups, state.log_temperature, state.temperature_state)
        learned, metrics = jax.lax.cond(num_updates > 0, learn, skip, learned)
        return SACState(replay=ring, **learned._asdict()), metrics

    def probe(self, key: Key, state: SACState) -> dict[str, Probe]:
        """Actor and critics with the loss of each example of a batch from the replay, which must not be empty.

        A critic's is half its own squared error; the actor's is that of one action, whose noise is part of the example.
        """
        s, sampled = self.settings, jax.random.split(key, 3)
        batch = replay.sample(sampled[0], state.replay, s.batch_size, s.discount)
        actor, critics = state.groups["actor"].params["actor"], state.groups["critics"]
        temperature = jnp.exp(state.log_temperature)
        assert critics.target_params is not None
        target = self.target(sampled[1], temperature, actor, critics.target_params, batch)
        noise = standard_normal(sampled[2], batch.action.shape)

        def actor_loss(actor: Params, example: tuple[Array, Array]) -> Array:
            observation, noise = replay.batch_of_one(example)
            action, log_density = self._squashed(*self._policy(actor, observation), noise)
            return (temperature * log_density - self.values(critics.params, observation, action).min(0))[0]

        def critic_loss(critic: Params, example: tuple[Array, Array]) -> Array:
            both, target = example
            return 0.5 * (self.critic.apply(critic, both)[0] - target) ** 2

        seen = _side_by_side(batch.observation, batch.action)
        of_critic = lambda name: Probe(self.critic, critics.params[name], seen, (seen, target), critic_loss)
        of_actor = Probe(self.actor, actor, batch.observation, (batch.observation, noise), actor_loss)
        return {"actor": of_actor, **{name: of_critic(name) for name in CRITICS}}

    def sample_action(self, key: Key, actor: Params, observation: Array) -> DrawnActions:
        """Actions for observations `[batch, ...]`: appendix C of Haarnoja et al. 2018."""
        mean, log_deviation = self._policy(actor, observation)
        return self._squashed(mean, log_deviation, standard_normal(key, mean.shape))

    def _squashed(self, mean: Array, log_deviation: Array, noise: Array) -> DrawnActions:
        """The actions that standard normal `noise` makes.

        log(1 - tanh(u)^2) is computed as 2 (log 2 - |u| - log(1 + exp(-2 |u|))), which does not cancel where tanh is
        flat, and whose slope by |u| is 0 at 0, so that it does not matter which slope |u| is given there.
        """
        raw = mean + jnp.exp(log_deviation) * noise
        size = jnp.abs(raw)
        # By log and not by log1p, which XLA calls for every number by itself; the argument is between 1 and 2.
        log_slope = 2.0 * (math.log(2.0) - size - jnp.log(1.0 + jnp.exp(-2.0 * size)))
        log_density = -0.5 * noise**2 - log_deviation - 0.5 * math.log(2 * math.pi) - log_slope
        return DrawnActions(jnp.tanh(raw), log_density.reshape(log_density.shape[0], -1).sum(-1))

    def target(self, key: Key, temperature: Array, actor: Params, critics: Critics, batch: replay.Batch) -> Array:
        """The values `[batch]` that critics learn: the backup of equations 2 and 3, with the lower of two targets."""
        action, log_density = self.sample_action(key, actor, batch.next_observation)
        value = self.values(critics, batch.next_observation, action).min(0) - temperature * log_density
        return jax.lax.stop_gradient(batch.reward + batch.discount * value)

    def critic_loss(self, critics: Critics, target: Array, batch: replay.Batch) -> tuple[Array, Metrics]:
        """Half the mean squared error of each critic, added up: equation 5."""
        values = self.values(critics, batch.observation, batch.action)
        error = values - jnp.expand_dims(target, 0)
        loss = 0.5 * (error**2).mean(-1).sum()
        return loss, {"loss": loss, "mean_value": values.mean()}

    def actor_loss(
        self, key: Key, temperature: Array, actor: Params, critics: Critics, batch: replay.Batch
    ) -> tuple[Array, Metrics]:
        """Mean of temperature x log-density - the lower value, equation 7; and the entropy of the batch."""
        action, log_density = self.sample_action(key, actor, batch.observation)
        value = self.values(critics, batch.observation, action).min(0)
        loss = (temperature * log_density - value).mean()
        return loss, {"actor_loss": loss, "entropy": -log_density.mean()}

    def values(self, critics: Critics, observation: Array, action: Array) -> Array:
        """The values that both critics give, `[critic, batch]`."""
        both = _side_by_side(observation, action)
        return jnp.stack([self.critic.apply(critics[name], both)[:, 0] for name in CRITICS])

    def _learn(self, key: Key, update: Array, learned: Learned, ring: replay.Replay) -> tuple[Learned, Metrics]:
        """One gradient update: the critics learn, then the actor from them, then the temperature; targets follow."""
        keys, s = UpdateKeys(*jax.random.split(key, 5)), self.settings
        batch = replay.sample(keys.batch, ring, s.batch_size, s.discount)
        temperature = jnp.exp(learned.log_temperature)
        actor, critics = learned.groups["actor"], learned.groups["critics"]
        critics, of_critics = self._improve_critics(keys, update, temperature, actor.params["actor"], critics, batch)
        actor, of_actor = self._improve_actor(keys, update, temperature, actor, critics.params, batch)
        log_temperature, temperature_state = self._adjust_temperature(of_actor["entropy"], learned)
        groups = {"actor": actor, "critics": self._follow(update, critics)}
        metrics = {**of_critics, **of_actor, "temperature": temperature}
        return Learned(groups, log_temperature, temperature_state), metrics

    def _improve_critics(
        self, keys: UpdateKeys, update: Array, temperature: Array, actor: Params, critics: Group, batch: replay.Batch
    ) -> tuple[Group, Metrics]:
        assert critics.target_params is not None
        target = self.target(keys.target, temperature, actor, critics.target_params, batch)
        loss = lambda params: self.critic_loss(params, target, batch)
        return self.optimizers["critics"].minimize(keys.critics, update, loss, critics)

    def _improve_actor(
        self, keys: UpdateKeys, update: Array, temperature: Array, actor: Group, critics: Critics, batch: replay.Batch
    ) -> tuple[Group, Metrics]:
        loss = lambda params: self.actor_loss(keys.action, temperature, params["actor"], critics, batch)
        return self.optimizers["actor"].minimize(keys.actor, update, loss, actor)

    def _adjust_temperature(self, entropy: Array, learned: Learned) -> tuple[Array, optax.OptState]:
        """The gradient of log(temperature) x (entropy - its target), as published and in Stable-Baselines3."""
        slope = entropy - self.settings.target_entropy_per_dimension * math.prod(self._box.shape)
        step, state = self._temperature_optimizer.update(slope, learned.temperature_state)
        return jnp.asarray(optax.apply_updates(learned.log_temperature, step)), state

    def _follow(self, update: Array, critics: Group) -> Group:
        """The critics with their targets moved a step towards them, where that is due."""
        s = self.settings
        averaged = lambda group: self.optimizers["critics"].average(group, s.target_step_size)
        if s.target_interval_updates == 1:
            return averaged(critics)
        due = (update + 1) % s.target_interval_updates == 0
        return jax.lax.cond(due, averaged, lambda group: group, critics)

    def _policy(self, actor: Params, observation: Array) -> tuple[Array, Array]:
        """Means and log deviations before tanh, `[batch, ...]` each."""
        s, shape = self.settings, (observation.shape[0], *self._box.shape)
        mean, log_deviation = jnp.split(self.actor.apply(actor, observation), 2, axis=-1)
        log_deviation = jnp.clip(log_deviation, s.log_deviation_minimum, s.log_deviation_maximum)
        return mean.reshape(shape), log_deviation.reshape(shape)

    @property
    def _temperature_optimizer(self) -> optax.GradientTransformation:
        return optax.adam(self.settings.temperature_learning_rate)  # Deviation 27: its epsilon is 1e-8.

    @property
    def _box(self) -> Box:
        assert isinstance(self.spec.action, Box)
        return self.spec.action

    def _to_bounds(self, action: Array) -> Array:
        low, high = (jnp.broadcast_to(bound, action.shape) for bound in (self._box.low, self._box.high))
        return jnp.clip(low + (action + 1.0) * (0.5 * (high - low)), low, high)

    def _to_unit(self, action: Array) -> Array:
        low, high = (jnp.broadcast_to(bound, action.shape) for bound in (self._box.low, self._box.high))
        return jnp.clip((action - low) / (0.5 * (high - low)) - 1.0, -1.0, 1.0)


def _side_by_side(observation: Array, action: Array) -> Array:
    """The input of a critic, `[batch, observation + action]`."""
    flat = lambda x: as_floats(x).reshape(x.shape[0], -1)
    return jnp.concatenate([flat(observation), flat(action)], axis=-1)


def check_actions(spec: EnvSpec) -> None:
    """Raises UserError where the actions of an environment are not a bounded box of floats."""
    if not isinstance(spec.action, Box):
        others = "dqn or ppo" if len(spec.observation_shape) == 1 else "dqn"
        raise UserError(
            f"agent sac needs continuous actions, and environment {spec.identifier} has discrete ones: try {others}"
        )
    bounds = np.stack([spec.action.low, spec.action.high])
    if not np.isfinite(bounds).all():
        raise UserError(
            f"agent sac needs bounded actions, and those of environment {spec.identifier} are unbounded: try ppo, or "
            "gymnasium.wrappers.TransformAction to a Box with bounds"
        )
    if not (0.5 * (bounds[1] - bounds[0]) >= np.finfo(np.float32).tiny).all():  # it is divided by
        raise UserError(f"environment {spec.identifier} has an action that is bounded to a single value in float32")
