"""DQN: deep Q-learning (Mnih et al. 2015) with double, Huber and n-step variants."""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from sparserl.agents import frames, replay
from sparserl.agents.replay import Steps
from sparserl.types import (
    Acting,
    Array,
    Discrete,
    EnvSpec,
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

AnyReplay = replay.Replay | frames.FrameReplay


@dataclasses.dataclass(frozen=True)
class DQNSettings:
    """Hyperparameters of DQN; the defaults are the paper's for classic control (Table 6)."""

    discount: float = 0.99  # of one step
    batch_size: int = 128  # transitions of a gradient update
    replay_capacity_steps: int = 100_000  # steps per environment that replay remembers
    warmup_steps: int = 1_000  # uniformly random actions, no update
    steps_per_update: int = 1  # environment steps between gradient updates
    target_interval_updates: int = 100  # updates between copies to the target network
    initial_epsilon: float = 1.0  # chance of a random action at the first step
    final_epsilon: float = 0.1  # chance of a random action after the decay
    epsilon_decay_steps: int = 25_000  # linear, counted from epsilon_decay_begin_steps
    epsilon_decay_begin_steps: int = 0  # environment steps before epsilon begins to decay (Deviation 45)
    evaluation_epsilon: float = 0.1  # chance of a random action in evaluations
    double: bool = False  # the online network chooses the action that the target network values (van Hasselt 2016)
    huber: bool = False  # Huber loss in place of the squared error (Deviation 13)
    n_step: int = 1  # rewards summed before bootstrapping
    bootstrap_time_limits: bool = True  # without it, the end of the time limit counts as a termination (Deviation 14)
    reward_limit: float | None = None  # rewards are cut to +- this before they are learned from (Deviation 46)

    def __post_init__(self) -> None:
        check_fields(self)
        least = {"batch_size": 1, "steps_per_update": 1, "target_interval_updates": 1, "n_step": 1, "warmup_steps": 0}
        decay = {"epsilon_decay_steps": 0, "epsilon_decay_begin_steps": 0}
        for name, minimum in {**least, **decay, "replay_capacity_steps": self.n_step}.items():
            if getattr(self, name) < minimum:
                raise UserError(f"it must be at least {minimum}", field=name, value=getattr(self, name))
        for name in ("discount", "initial_epsilon", "final_epsilon", "evaluation_epsilon"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError("it must lie in [0, 1]", field=name, value=getattr(self, name))
        if self.reward_limit is not None and not 0 < self.reward_limit < math.inf:
            raise UserError(
                "it must be greater than 0, or None for no limit", field="reward_limit", value=self.reward_limit
            )

    def num_updates(self, num_steps: Steps, num_envs: int = 1) -> Steps:
        """Gradient updates that `num_steps` steps of every environment bring: one per `steps_per_update` after the
        warm-up, however many environments there are.
        """
        return replay.num_updates(num_steps, max(self.warmup_steps, self.n_step), self.steps_per_update)

    def updates_per_rollout(self, num_envs: int) -> int:
        """Gradient updates between two rollouts."""
        return 1


class DQNState(NamedTuple):
    """The network group "q" and the replay."""

    groups: dict[str, Group]
    replay: AnyReplay


@dataclasses.dataclass(frozen=True)
class DQN:
    """The agent; `num_envs` environments are stepped side by side and share one replay."""

    settings: DQNSettings
    spec: EnvSpec
    network: Network
    optimizer: Optimizer
    num_envs: int = 1

    def __post_init__(self) -> None:
        check_actions(self.spec)

    @property
    def steps_per_update(self) -> int:
        return self.settings.steps_per_update

    def num_updates(self, num_steps: int) -> int:
        """Gradient updates done after `num_steps` environment steps; warm-up steps count inside the total."""
        return self.settings.num_updates(num_steps)

    @property
    def memory(self) -> replay.ReplayMemory:
        """What remembers steps."""
        return memory_of(self.spec)

    def init(self, key: Key) -> DQNState:
        """A new learner with an empty replay."""
        network_key, optimizer_key = jax.random.split(key)
        group = self.optimizer.init(optimizer_key, {"q": self.network.init(network_key)}, with_target=True)
        step = replay.one_step(self.spec, self.num_envs)
        return DQNState({"q": group}, self.memory.empty(step, self.settings.replay_capacity_steps))

    def explore(self, key: Key, num_steps: Array, state: DQNState, observation: Array) -> Array:
        """Epsilon-greedy actions `[env]` for observations `[env, ...]`; uniformly random ones during warm-up."""
        return self._epsilon_greedy(key, self.epsilon(num_steps), state, observation)

    def exploit(self, key: Key, state: DQNState, observation: Array) -> Array:
        """Actions for evaluation: greedy but for `evaluation_epsilon`."""
        return self._epsilon_greedy(key, jnp.float32(self.settings.evaluation_epsilon), state, observation)

    def acting(self, state: DQNState) -> Acting:
        """How it acts without random actions: the action of the greatest value."""
        return Acting("q", "q", self.network, "greatest")

    def epsilon(self, num_steps: Array) -> Array:
        """Chance of a random action at environment step `num_steps`."""
        s = self.settings
        num_decayed = num_steps - s.epsilon_decay_begin_steps
        progress = jnp.clip(num_decayed / max(s.epsilon_decay_steps, 1), 0.0, 1.0)
        return jnp.where(
            num_steps < s.warmup_steps, 1.0, s.initial_epsilon + (s.final_epsilon - s.initial_epsilon) * progress
        )

    def update(self, key: Key, num_steps: Array, state: DQNState, rollout: Transition) -> tuple[DQNState, Metrics]:
        """Store a rollout `[step, env, ...]`, whose steps `num_steps` includes; after warm-up, take a gradient step."""
        if not self.settings.bootstrap_time_limits:
            rollout = rollout._replace(terminated=rollout.terminated | rollout.truncated)
        if (limit := self.settings.reward_limit) is not None:
            rollout = rollout._replace(reward=jnp.clip(rollout.reward, -limit, limit))
        state = state._replace(replay=self.memory.add(state.replay, rollout))
        skip = lambda group: (group, {"loss": jnp.float32(jnp.nan), "mean_value": jnp.float32(jnp.nan)})
        num_updates = self.settings.num_updates(num_steps)
        learn = lambda group: self._learn(key, num_updates - 1, group, state.replay)
        group, metrics = jax.lax.cond(num_updates > 0, learn, skip, state.groups["q"])
        return state._replace(groups={"q": group}), metrics

    def probe(self, key: Key, state: DQNState) -> dict[str, Probe]:
        """The network "q" with the TD error of each example of a batch from the replay, which must not be empty."""
        s, group = self.settings, state.groups["q"]
        batch = self.memory.sample(key, state.replay, s.batch_size, s.discount, s.n_step)
        assert group.target_params is not None
        target_params = group.target_params["q"]
        loss = lambda params, example: self.loss(params, target_params, replay.batch_of_one(example))[0]
        return {"q": Probe(self.network, group.params["q"], batch.observation, batch, loss)}

    def loss(self, params: Params, target_params: Params, batch: replay.Batch) -> tuple[Array, Metrics]:
        """Mean squared (or Huber) TD error over `[batch]`; paper, equation 2 (Deviation 13)."""
        values = self.network.apply(params, batch.observation)
        value = jnp.take_along_axis(values, jnp.expand_dims(batch.action, 1), axis=1)[:, 0]
        next_values = self.network.apply(target_params, batch.next_observation)
        if self.settings.double:
            choice = self.network.apply(params, batch.next_observation).argmax(-1)
            next_value = jnp.take_along_axis(next_values, jnp.expand_dims(choice, 1), axis=1)[:, 0]
        else:
            next_value = next_values.max(-1)
        error = value - jax.lax.stop_gradient(batch.reward + batch.discount * next_value)
        loss = (optax.losses.huber_loss(error) if self.settings.huber else error**2).mean()
        return loss, {"loss": loss, "mean_value": value.mean()}

    def _learn(self, key: Key, update: Array, group: Group, ring: AnyReplay) -> tuple[Group, Metrics]:
        s = self.settings
        sample_key, optimizer_key = jax.random.split(key)
        batch = self.memory.sample(sample_key, ring, s.batch_size, s.discount, s.n_step)
        assert group.target_params is not None
        target_params = group.target_params["q"]
        loss = lambda params: self.loss(params["q"], target_params, batch)
        group, metrics = self.optimizer.minimize(optimizer_key, update, loss, group)
        due = (update + 1) % s.target_interval_updates == 0
        copied = lambda group: self.optimizer.average(group, step_size=1.0).target_params
        kept = lambda group: group.target_params  # only targets leave the cond: what passes through one is copied
        return group._replace(target_params=jax.lax.cond(due, copied, kept, group)), metrics

    def _epsilon_greedy(self, key: Key, epsilon: Array, state: DQNState, observation: Array) -> Array:
        coin_key, action_key = jax.random.split(key)
        greedy = self.network.apply(state.groups["q"].params["q"], observation).argmax(-1).astype(jnp.int32)
        assert isinstance(self.spec.action, Discrete)
        random = jax.random.randint(action_key, greedy.shape, 0, self.spec.action.num_actions)
        return jnp.where(jax.random.bernoulli(coin_key, epsilon, greedy.shape), random, greedy)


def memory_of(spec: EnvSpec) -> replay.ReplayMemory:
    """What remembers steps of such an environment: frames once, where observations are stacks of them."""
    return frames.FrameMemory(spec.observation_shape, spec.time_limit_steps) if spec.stacked_frames > 1 else replay


def check_actions(spec: EnvSpec) -> None:
    """Raises UserError where the actions of an environment are not discrete."""
    if not isinstance(spec.action, Discrete):
        raise UserError(
            f"agent dqn needs discrete actions, and environment {spec.identifier} has continuous ones: try sac or ppo, "
            "or gymnasium.wrappers.DiscretizeAction"
        )
