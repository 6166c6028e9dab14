"""Probes: the losses of single examples are the agent's own losses, taken apart."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from probes import AIMED, MATCHED
from sparserl import linalg, training
from sparserl.agents import replay
from sparserl.agents.dqn import DQN, DQNSettings
from sparserl.agents.ppo import GROUP, PPO, PPOSettings
from sparserl.agents.sac import CRITICS, SAC, SACSettings
from sparserl.diagnostics import gradient_moments
from sparserl.networks import MLP, MLPSettings
from sparserl.sparsity import SparseOptimizer, Window, kernels, replace_kernels
from sparserl.sparsity.methods import RigL
from sparserl.types import Discrete, Group, Probed, Transition

pytestmark = pytest.mark.slow

NETWORK = MLPSettings((16, 12), output_limit=None)
VARIANTS = [{}, {"double": True, "huber": True, "n_step": 3}]
STORAGES = ["masked", pytest.param("compressed", marks=pytest.mark.kernels)]


def optimizer(networks, storage):
    sparsities = {f"{name}/{layer}": 0.6 for name, network in networks.items() for layer in network.layer_shapes}
    packed = dict.fromkeys(sparsities, 1.0) if storage == "compressed" else {}
    return SparseOptimizer(optax.adam(1e-2), RigL(window=Window(0.0, 0.8, 10)), sparsities, 60, break_even=packed)


def dqn(storage, **settings):
    network = MLP(NETWORK, MATCHED.spec.observation_shape, 2)
    settings = DQNSettings(**{"batch_size": 8, "warmup_steps": 20, "replay_capacity_steps": 64, **settings})
    return DQN(settings, MATCHED.spec, network, optimizer({"q": network}, storage))


def sac(storage):
    actor, critic = MLP(NETWORK, (1,), 2), MLP(NETWORK, (2,), 1)
    settings = SACSettings(batch_size=8, warmup_steps=20, replay_capacity_steps=64)
    groups = {"actor": {"actor": actor}, "critics": dict.fromkeys(CRITICS, critic)}
    optimizers = {group: optimizer(networks, storage) for group, networks in groups.items()}
    return SAC(settings, AIMED.spec, actor, critic, optimizers)


def remembering(agent, environment):
    """A state with dense kernels, a full replay, targets that lag behind and a temperature of its own."""
    state, random = agent.init(jax.random.key(0)), np.random.default_rng(0)
    draw = lambda *shape: random.normal(size=shape).astype(np.float32)
    discrete = isinstance(environment.spec.action, Discrete)
    action = random.integers(0, 2, (64, 1)).astype(np.int32) if discrete else np.tanh(draw(64, 1, 1))
    ended = random.random((2, 64, 1)) < 0.2
    rollout = Transition(draw(64, 1, 1), action, draw(64, 1), *ended, draw(64, 1, 1))
    state = state._replace(replay=replay.add(state.replay, jax.tree.map(jnp.asarray, rollout)))
    if not discrete:
        state = state._replace(log_temperature=jnp.log(jnp.float32(0.3)))
    return state._replace(groups={name: dense(group) for name, group in state.groups.items()})


def dense(group):
    loose = lambda params: replace_kernels(params, {n: linalg.to_dense(k) for n, k in kernels(params).items()})
    targets = group.target_params and jax.tree.map(lambda leaf: 0.8 * leaf, loose(group.target_params))
    return Group(loose(group.params), targets, None)


def check(probe, loss):
    """Mean loss and mean gradient over the examples are those of the whole batch, and some of them differ."""
    losses = jax.jit(jax.vmap(probe.loss, (None, 0)))(probe.params, probe.examples)
    assert losses.shape == (8,)
    assert np.ptp(losses) > 0
    expected, slope = jax.jit(jax.value_and_grad(loss))(probe.params)
    np.testing.assert_allclose(losses.mean(), expected, rtol=1e-5)
    mean = jax.jit(gradient_moments, static_argnums=0)(probe.loss, probe.params, probe.examples).mean
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), mean, slope)
    assert any(np.asarray(leaf).any() for leaf in jax.tree.leaves(slope))


@pytest.mark.parametrize("settings", VARIANTS)
@pytest.mark.parametrize("storage", STORAGES)
def test_dqn(storage, settings):
    agent, key = dqn(storage, **settings), jax.random.key(3)
    assert isinstance(agent, Probed)
    state = remembering(agent, MATCHED)
    (name, probe) = next(iter(agent.probe(key, state).items()))
    assert name == "q"
    s = agent.settings
    batch = replay.sample(key, state.replay, s.batch_size, s.discount, s.n_step)
    np.testing.assert_array_equal(probe.inputs, batch.observation)
    check(probe, lambda params: agent.loss(params, state.groups["q"].target_params["q"], batch)[0])


@pytest.mark.parametrize("storage", STORAGES)
def test_sac(storage):
    agent, key = sac(storage), jax.random.key(3)
    assert isinstance(agent, Probed)
    state = remembering(agent, AIMED)
    probes = agent.probe(key, state)
    assert list(probes) == ["actor", *CRITICS]
    sample_key, next_key, action_key = jax.random.split(key, 3)
    batch = replay.sample(sample_key, state.replay, 8, agent.settings.discount)
    actor, critics, temperature = state.groups["actor"], state.groups["critics"], jnp.exp(state.log_temperature)

    check(probes["actor"], lambda params: agent.actor_loss(action_key, temperature, params, critics.params, batch)[0])
    target = agent.target(next_key, temperature, actor.params["actor"], critics.target_params, batch)
    for name, other in zip(CRITICS, reversed(CRITICS), strict=True):
        both = lambda params, name=name: agent.critic_loss({**critics.params, name: params}, target, batch)[0]
        value = agent.values(critics.params, batch.observation, batch.action)[CRITICS.index(other)]
        others = 0.5 * np.mean((np.asarray(value) - np.asarray(target)) ** 2)  # critic_loss adds up both
        check(probes[name], lambda params, both=both, others=others: both(params) - others)
        np.testing.assert_array_equal(probes[name].inputs, np.concatenate([batch.observation, batch.action], -1))


def ppo(storage):
    continuous = MLP(NETWORK, (1,), 1, num_constants=1, initial_constant=-0.3)
    networks = {"actor": continuous, "value": MLP(NETWORK, (1,), 1)}
    settings = PPOSettings(rollout_steps=64, batch_size=8, entropy_weight=0.1, value_weight=0.7)
    return PPO(settings, AIMED.spec, *networks.values(), optimizer(networks, storage))


@pytest.mark.parametrize("storage", STORAGES)
def test_ppo(storage):
    """Both losses add up to the agent's own; densities are those of the policy before the rollout's updates."""
    agent, key = ppo(storage), jax.random.key(3)
    assert isinstance(agent, Probed)
    state = training.start(agent, AIMED, key)
    *_, (state, _) = training.train(agent, AIMED, key, state, [128])
    group = dense(state.agent.groups[GROUP])
    params = group.params
    probes = agent.probe(key, state.agent._replace(groups={GROUP: group}))
    assert list(probes) == ["actor", "value"]
    chosen = np.asarray(jax.random.permutation(key, 64)[:8])
    batch = jax.tree.map(lambda x: x[chosen], state.agent.replay)
    whole = lambda params: agent.loss(params, batch)[0]
    of_value = lambda value: 0.7 * agent.terms({**params, "value": value}, batch)[1].mean()
    check(probes["value"], of_value)
    check(probes["actor"], lambda actor: whole({**params, "actor": actor}) - of_value(params["value"]))


def test_batches_follow_the_key():
    agent = dqn("masked")
    state = remembering(agent, MATCHED)
    draw = lambda seed: np.asarray(agent.probe(jax.random.key(seed), state)["q"].examples.reward)
    np.testing.assert_array_equal(draw(1), draw(1))
    assert (draw(1) != draw(2)).any()
