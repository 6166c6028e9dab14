"""PPO: proximal policy optimization with a clipped objective (Schulman et al. 2017)."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.agents.normalization import RunningMoments, merged, no_moments, normalized, normalizer_of
from sparserl.agents.policies import ActionDistribution, Categorical, DeviationName, gaussian
from sparserl.agents.replay import batch_of_one
from sparserl.linalg import quick
from sparserl.networks import ActivationName
from sparserl.networks.observations import as_floats
from sparserl.types import (
    Acting,
    Array,
    Box,
    Decision,
    Discrete,
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

GROUP = "policy"  # actor and value together, because their gradients are clipped together


@dataclasses.dataclass(frozen=True)
class PPOSettings:
    """Hyperparameters of PPO; the defaults are the paper's, and where it is silent, its code's (Deviation 31)."""

    discount: float = 0.99  # of one step
    rollout_steps: int = 2048  # steps in each environment between updates of the policy
    batch_size: int = 64  # steps of a gradient update
    num_epochs: int = 10  # passes over a rollout
    clip_range: float = 0.2  # of the probability ratio around 1
    trace_decay: float = 0.95  # lambda of generalized advantage estimation
    entropy_weight: float = 0.0  # of the entropy in the loss
    value_weight: float = 0.5  # of the squared error of the value in the loss
    normalize_advantages: bool = True  # of each minibatch
    observation_limit: float | None = 5.0  # of normalized observations; None: they stay as they are (Deviation 32)
    reward_limit: float | None = 10.0  # of normalized rewards; None: they stay as they are (Deviation 32)
    normalize_before_learning: bool = False  # a rollout is part of the statistics that it is learned from with
    squash_mean: bool = True  # tanh of a Gaussian's mean, scaled to the bounds of the actions
    deviation: DeviationName = "softplus"  # what makes deviations positive; they are the same for all observations
    initial_deviation: float = 0.35  # of a Gaussian policy, in units of the action
    value_activation: ActivationName = "relu"  # between the value network's layers
    value_output_limit: float | None = 0.03  # its output kernel uniform within +- this; None: drawn as its hidden ones
    value_output_gain: float = 1.0  # what that draw is multiplied with
    bootstrap_time_limits: bool = True  # without it, the end of the time limit counts as a termination (Deviation 14)

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("rollout_steps", "batch_size", "num_epochs"):
            if getattr(self, name) < 1:
                raise UserError("it must be at least 1", field=name, value=getattr(self, name))
        if self.batch_size == 1 and self.normalize_advantages:
            raise UserError(
                "a normalized advantage is 0 in a minibatch of one, so the actor would learn nothing; give at least 2, "
                "or choose ",
                Field("normalize_advantages", False),
                field="batch_size",
                value=1,
            )
        for name in ("discount", "trace_decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError("it must lie in [0, 1]", field=name, value=getattr(self, name))
        for name in ("clip_range", "initial_deviation", "observation_limit", "reward_limit"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError("it must be greater than 0", field=name, value=value)
        for name in ("entropy_weight", "value_weight"):
            if not getattr(self, name) >= 0:
                raise UserError("it must not be negative", field=name, value=getattr(self, name))

    @property
    def steps_per_update(self) -> int:
        return self.rollout_steps

    @property
    def warmup_steps(self) -> int:
        return 0  # it learns from its first rollout on

    def updates_per_rollout(self, num_envs: int) -> int:
        """Gradient updates on one rollout. Raises UserError where minibatches do not divide it."""
        size = self.rollout_steps * num_envs
        if size % self.batch_size:
            raise UserError(
                f"it must divide the {size} steps of a rollout (",
                Field("rollout_steps"),
                " x ",
                Field("num_environments", outer=True),
                f" = {self.rollout_steps} x {num_envs})",
                field="batch_size",
                value=self.batch_size,
            )
        return self.num_epochs * (size // self.batch_size)

    def num_updates(self, num_steps: int, num_envs: int = 1) -> int:
        """Gradient updates that `num_steps` steps of every environment bring."""
        return num_steps // self.rollout_steps * self.updates_per_rollout(num_envs)


class Samples(NamedTuple):
    """What is learned from, `[sample, ...]`; observations are normalized, densities those of the acting policy."""

    observation: Array
    action: Array
    log_density: Array
    advantage: Array
    target: Array  # what the value should be


class PPOState(NamedTuple):
    """The group, statistics of observations and rewards, and the samples of the last rollout."""

    groups: dict[str, Group]
    observations: RunningMoments
    rewards: RunningMoments
    replay: Samples


@dataclasses.dataclass(frozen=True)
class PPO:
    """The agent. The actor gives logits `[..., action]` of discrete actions, or means and raw deviations
    `[..., 2 * dimension]` of continuous ones; the value network one value `[..., 1]`.

    Continuous actions are drawn without bounds and learned from as drawn; environments get them clipped to theirs.
    """

    settings: PPOSettings
    spec: EnvSpec
    actor: Network
    value: Network
    optimizer: Optimizer
    num_envs: int = 1

    def __post_init__(self) -> None:
        check_actions(self.spec, self.settings)
        self.settings.updates_per_rollout(self.num_envs)

    @property
    def steps_per_update(self) -> int:
        return self.settings.rollout_steps

    def num_updates(self, num_steps: int) -> int:
        """Gradient updates done after `num_steps` steps of every environment."""
        return self.settings.num_updates(num_steps, self.num_envs)

    def init(self, key: Key) -> PPOState:
        """A new learner that has seen nothing."""
        actor_key, value_key, group_key = jax.random.split(key, 3)
        params = {"actor": self.actor.init(actor_key), "value": self.value.init(value_key)}
        group = self.optimizer.init(group_key, params, with_target=False)
        size = self.settings.rollout_steps * self.num_envs
        zeros = lambda *shape: jnp.zeros((size, *shape), jnp.float32)
        discrete = isinstance(self.spec.action, Discrete)
        action = jnp.zeros((size,), jnp.int32) if discrete else zeros(*self._action_shape)
        samples = Samples(zeros(*self.spec.observation_shape), action, zeros(), zeros(), zeros())
        return PPOState({GROUP: group}, no_moments(self.spec.observation_shape), no_moments(()), samples)

    def explore(self, key: Key, num_steps: Array, state: PPOState, observation: Array) -> Array:
        """Drawn actions `[env, ...]` for observations `[env, ...]`."""
        return self._shaped(self._policy_of(state, observation).sample(key))

    def exploit(self, key: Key, state: PPOState, observation: Array) -> Array:
        """Actions for evaluation: the mean, or the most likely one."""
        return self._shaped(self._policy_of(state, observation).mode())

    def acting(self, state: PPOState) -> Acting:
        """How it acts in evaluations: the most likely action, or the mean."""
        continuous: Decision = "tanh" if self.settings.squash_mean else "mean"
        decision = "greatest" if isinstance(self.spec.action, Discrete) else continuous
        limit = self.settings.observation_limit
        normalizer = None if limit is None else normalizer_of(state.observations, limit)
        return Acting(GROUP, "actor", self.actor, decision, normalizer)

    def update(self, key: Key, num_steps: Array, state: PPOState, rollout: Transition) -> tuple[PPOState, Metrics]:
        """Learn from a rollout `[step, env, ...]`, whose steps `num_steps` includes."""
        s = self.settings
        if not s.bootstrap_time_limits:
            rollout = rollout._replace(terminated=rollout.terminated | rollout.truncated)
        seen = self._seen(state, rollout)
        samples = self.samples(state, seen if s.normalize_before_learning else state, rollout)
        first_update = (num_steps // s.rollout_steps - 1) * s.updates_per_rollout(self.num_envs)
        group, metrics = self._learn(key, first_update, state.groups[GROUP], samples)
        return PPOState({GROUP: group}, seen.observations, seen.rewards, samples), metrics

    def probe(self, key: Key, state: PPOState) -> dict[str, Probe]:
        """Actor and value with their parts of each example's loss, over a minibatch of the last rollout."""
        s, params = self.settings, state.groups[GROUP].params
        chosen = jax.random.permutation(quick(key), state.replay.advantage.shape[0])[: s.batch_size]
        batch = self._scaled(jax.tree.map(lambda x: x[chosen], state.replay))

        def terms(params: dict[str, Params], example: Samples) -> tuple[Array, ...]:
            return tuple(term[0] for term in self.terms(params, batch_of_one(example)))

        def actor_loss(actor: Params, example: Samples) -> Array:
            policy_loss, _, entropy, _ = terms({**params, "actor": actor}, example)
            return policy_loss - s.entropy_weight * entropy

        def value_loss(value: Params, example: Samples) -> Array:
            return s.value_weight * terms({**params, "value": value}, example)[1]

        return {
            "actor": Probe(self.actor, params["actor"], batch.observation, batch, actor_loss),
            "value": Probe(self.value, params["value"], batch.observation, batch, value_loss),
        }

    def samples(self, state: PPOState, learning: PPOState, rollout: Transition) -> Samples:
        """A rollout `[step, env, ...]` as samples `[step * env, ...]`, with densities and values as when it was acted.

        Rewards and observations are normalized with the statistics of `learning`. Advantages need every step's own
        successor: it is known here even where an episode ended.
        """
        s, params = self.settings, state.groups[GROUP].params
        observation, following = (self._normal(state, x) for x in (rollout.observation, rollout.next_observation))
        value, next_value = (self.value.apply(params["value"], x)[..., 0] for x in (observation, following))
        reward = rollout.reward
        if s.reward_limit is not None:
            reward = normalized(learning.rewards, reward, s.reward_limit, center=False)
        ended = rollout.terminated | rollout.truncated
        next_value = jnp.where(rollout.terminated, 0.0, next_value)
        advantage = advantages(reward, value, next_value, ended, s.discount, s.trace_decay)
        action = self._flat_action(rollout.action)
        log_density = self.policy(params["actor"], observation).log_density(action)
        joined = lambda x: x.reshape(-1, *x.shape[2:])
        observation = self._normal(learning, rollout.observation)
        return Samples(*map(joined, (observation, action, log_density, advantage, advantage + value)))

    def loss(self, params: dict[str, Params], samples: Samples) -> tuple[Array, Metrics]:
        """The clipped objective of Schulman et al. 2017, equations 7 and 9, on samples `[batch, ...]`."""
        s = self.settings
        policy_loss, value_loss, entropy, ratio = self.terms(params, self._scaled(samples))
        loss = (policy_loss + s.value_weight * value_loss - s.entropy_weight * entropy).mean()
        clipped = (jnp.abs(ratio - 1.0) > s.clip_range).astype(jnp.float32)
        metrics = {
            "loss": loss,
            "policy_loss": policy_loss.mean(),
            "value_loss": value_loss.mean(),
            "entropy": entropy.mean(),
            "clipped_fraction": clipped.mean(),
            "mean_value": samples.target.mean(),
        }
        return loss, metrics

    def _scaled(self, samples: Samples) -> Samples:
        """The samples of a minibatch with normalized advantages, where they are to be."""
        advantage = samples.advantage
        if not self.settings.normalize_advantages:
            return samples
        return samples._replace(advantage=(advantage - advantage.mean()) / (advantage.std() + 1e-8))

    def terms(self, params: dict[str, Params], samples: Samples) -> tuple[Array, Array, Array, Array]:
        """Of every sample: loss of the policy, squared error of the value, entropy, probability ratio; `[batch]`."""
        low, high = 1.0 - self.settings.clip_range, 1.0 + self.settings.clip_range
        policy = self.policy(params["actor"], samples.observation)
        ratio = jnp.exp(policy.log_density(samples.action) - samples.log_density)
        gain = jnp.minimum(ratio * samples.advantage, jnp.clip(ratio, low, high) * samples.advantage)
        error = self.value.apply(params["value"], samples.observation)[..., 0] - samples.target
        return -gain, error**2, policy.entropy(), ratio

    def policy(self, actor: Params, observation: Array) -> ActionDistribution:
        """The distribution of actions for normalized observations `[..., *observation_shape]`."""
        outputs = self.actor.apply(actor, observation)
        if isinstance(self.spec.action, Discrete):
            return Categorical(outputs)
        return gaussian(outputs, self.spec.action, self.settings.squash_mean, self.settings.deviation)

    def _learn(self, key: Key, first_update: Array, group: Group, samples: Samples) -> tuple[Group, Metrics]:
        """All epochs over the samples, which every epoch shuffles anew; metrics are means over all minibatches."""
        s = self.settings
        size = samples.advantage.shape[0]
        per_epoch = size // s.batch_size
        total = s.num_epochs * per_epoch
        order_key, optimizer_key = jax.random.split(key)
        shuffled = lambda key: jax.random.permutation(quick(key), size)
        batches = jax.vmap(shuffled)(jax.random.split(order_key, s.num_epochs)).reshape(total, s.batch_size)

        def step(index: Array, carry: tuple[Group, Metrics]) -> tuple[Group, Metrics]:
            group, sums = carry
            batch = jax.tree.map(lambda x: x[batches[index]], samples)
            loss = lambda params: self.loss(params, batch)
            key = jax.random.fold_in(optimizer_key, index)
            group, metrics = self.optimizer.minimize(key, first_update + index, loss, group)
            return group, jax.tree.map(jnp.add, sums, metrics)

        names = ("loss", "policy_loss", "value_loss", "entropy", "clipped_fraction", "mean_value")
        nothing = dict.fromkeys(names, jnp.float32(0))
        group, sums = jax.lax.fori_loop(0, total, step, (group, nothing))
        return group, jax.tree.map(lambda x: x / total, sums)

    def _seen(self, state: PPOState, rollout: Transition) -> PPOState:
        """The state, its statistics updated by a rollout."""
        s = self.settings
        joined = lambda x: x.reshape(-1, *x.shape[2:])
        if s.observation_limit is not None:
            state = state._replace(observations=merged(state.observations, joined(rollout.observation)))
        if s.reward_limit is not None:
            state = state._replace(rewards=merged(state.rewards, joined(rollout.reward)))
        return state

    def _policy_of(self, state: PPOState, observation: Array) -> ActionDistribution:
        return self.policy(state.groups[GROUP].params["actor"], self._normal(state, observation))

    def _normal(self, state: PPOState, observation: Array) -> Array:
        limit = self.settings.observation_limit
        return as_floats(observation) if limit is None else normalized(state.observations, observation, limit)

    @property
    def _action_shape(self) -> tuple[int, ...]:
        action = self.spec.action
        return () if isinstance(action, Discrete) else (math.prod(action.shape),)

    def _flat_action(self, action: Array) -> Array:
        """From the environment's shape `[step, env, ...]` to `[step, env, dimension]`; discrete ones have none."""
        return action.reshape(*action.shape[:2], *self._action_shape)

    def _shaped(self, action: Array) -> Array:
        """From `[env, dimension]` to the environment's shape."""
        shape = self.spec.action.shape if isinstance(self.spec.action, Box) else ()
        return action.reshape(action.shape[0], *shape)


def advantages(
    reward: Array, value: Array, next_value: Array, ended: Array, discount: float, trace_decay: float
) -> Array:
    """Generalized advantage estimates `[step, env]`: Schulman et al. 2016, equation 16.

    next_value is that of each step's own successor, 0 where the task terminated; traces stop where an episode ended.
    """
    error = reward + discount * next_value - value
    decay = discount * trace_decay * (1.0 - ended)

    def backwards(later: Any, now: Any) -> Any:
        advantage = now[0] + now[1] * later
        return advantage, advantage

    return jnp.asarray(jax.lax.scan(backwards, jnp.zeros_like(error[0]), (error, decay), reverse=True)[1])


def check_actions(spec: EnvSpec, settings: PPOSettings) -> None:
    """Raises UserError where means are to be squashed into bounds that an environment's actions do not have, or that
    are so far apart that float32 numbers near them are no closer than a policy deviates.
    """
    if isinstance(spec.action, Box) and settings.squash_mean:
        farthest = np.abs([spec.action.low, spec.action.high]).max()
        wide = f"bounded by {farthest:g}, where float32 cannot tell a policy's actions apart"
        if not np.isfinite(farthest) or np.spacing(farthest) > settings.initial_deviation:
            raise UserError(
                f"the actions of environment {spec.identifier} are {wide if np.isfinite(farthest) else 'unbounded'}: "
                "agent ppo can learn them with ",
                Field("squash_mean", False),
            )
