"""SAC: losses against an independent NumPy version, probe environments, targets and topologies through training."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import integrate, stats

from probes import AIMED, ENDLESS_AIMED
from sparserl import linalg, training
from sparserl.agents.noise import standard_normal
from sparserl.agents.replay import Batch
from sparserl.agents.sac import CRITICS, SAC, SACSettings
from sparserl.networks import MLP, MLPSettings
from sparserl.sparsity import Distribution, SparseOptimizer, Window, kernels, topology
from sparserl.sparsity.methods import SET, Dense, RigL
from sparserl.types import Box, Discrete, EnvSpec, Transition, UserError

pytestmark = pytest.mark.slow

LOW, HIGH = np.array([-1.0, -2.0], np.float32), np.array([1.0, 4.0], np.float32)
SPEC = EnvSpec("made up", (3,), np.dtype("float32"), Box((2,), LOW, HIGH), None)
TINY = MLPSettings((8, 6), initializer="glorot_uniform", output_limit=None, output_bias=0.0)


def agent_of(spec=SPEC, method=None, sparsity=0.0, storage="masked", network=TINY, rate=1e-3, updates=200, **settings):
    size = int(np.prod(spec.action.shape))
    actor = MLP(network, spec.observation_shape, 2 * size)
    critic = MLP(network, (spec.observation_shape[0] + size,), 1)

    def optimizer(networks):
        shapes = {name: mlp.layer_shapes for name, mlp in networks.items()}
        sparsities = Distribution("erk").network_sparsities(shapes, dict.fromkeys(networks, sparsity))
        packed = {name: 1.0 for name, value in sparsities.items() if value > 0} if storage == "compressed" else {}
        return SparseOptimizer(optax.adam(rate), method or Dense(), sparsities, updates, break_even=packed)

    optimizers = {"actor": optimizer({"actor": actor}), "critics": optimizer(dict.fromkeys(CRITICS, critic))}
    return SAC(SACSettings(**settings), spec, actor, critic, optimizers)


def numpy_mlp(params, x):
    for name in ("hidden_1", "hidden_2"):
        x = np.maximum(affine(params[name], x), 0)
    return affine(params["output"], x)


def affine(layer, x):
    return np.asarray(x, np.float64) @ np.asarray(layer["kernel"], np.float64) + np.asarray(layer["bias"])


def numpy_action(params, observation, noise, low=-20.0, high=2.0):
    """Squashed Gaussian actions and log-densities, by change of variables: density of u over the slope of tanh."""
    mean, log_deviation = np.split(numpy_mlp(params, observation), 2, axis=-1)
    deviation = np.exp(np.clip(log_deviation, low, high))
    raw = mean + deviation * noise
    log_density = stats.norm.logpdf(raw, mean, deviation) - np.log(1 - np.tanh(raw) ** 2)
    return np.tanh(raw), log_density.sum(-1)


def drawn_batch(random, size=5):
    draw = lambda *shape: random.normal(size=shape).astype(np.float32)
    discount = np.where(random.random(size) < 0.4, 0.0, 0.99).astype(np.float32)
    action = np.tanh(draw(size, 2))
    return Batch(*map(jnp.asarray, (draw(size, 3), action, draw(size), discount, draw(size, 3))))


def numpy_values(critics, observation, action):
    both = np.concatenate([np.asarray(observation), np.asarray(action)], -1)
    return np.stack([numpy_mlp(critics[name], both)[:, 0] for name in CRITICS])


def test_losses_are_those_of_an_independent_version():
    agent = agent_of()
    state = agent.init(jax.random.key(0))
    actor, critics = state.groups["actor"].params["actor"], state.groups["critics"].params
    batch, key, temperature = drawn_batch(np.random.default_rng(0)), jax.random.key(5), 0.3
    noise = np.asarray(standard_normal(key, (5, 2)), np.float64)

    numbers = Batch(*(np.asarray(field, np.float64) for field in batch))
    action, log_density = numpy_action(actor, numbers.next_observation, noise)
    value = numpy_values(critics, numbers.next_observation, action).min(0)
    target = numbers.reward + numbers.discount * (value - temperature * log_density)
    found = agent.target(key, temperature, actor, critics, batch)
    np.testing.assert_allclose(found, target, rtol=1e-4, atol=1e-5)

    values = numpy_values(critics, numbers.observation, numbers.action)
    expected = 0.5 * ((values - target) ** 2).mean(1).sum()
    loss, metrics = agent.critic_loss(critics, found, batch)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)
    np.testing.assert_allclose(metrics["mean_value"], values.mean(), rtol=1e-4)

    action, log_density = numpy_action(actor, numbers.observation, noise)
    value = numpy_values(critics, numbers.observation, action).min(0)
    loss, metrics = agent.actor_loss(key, temperature, actor, critics, batch)
    np.testing.assert_allclose(loss, (temperature * log_density - value).mean(), rtol=1e-4)
    np.testing.assert_allclose(metrics["entropy"], -log_density.mean(), rtol=1e-4)


def test_no_gradient_flows_into_the_target():
    agent = agent_of()
    state = agent.init(jax.random.key(0))
    critics, batch = state.groups["critics"].params, drawn_batch(np.random.default_rng(0))
    actor = state.groups["actor"].params["actor"]
    gradient = jax.grad(lambda c: agent.target(jax.random.key(1), 0.3, actor, c, batch).sum())(critics)
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(gradient))


def test_densities_integrate_to_one():
    """Of a one-dimensional policy: the density over (-1, 1), from log-densities at dense draws."""
    spec = SPEC._replace(action=Box((1,), -np.ones(1, np.float32), np.ones(1, np.float32)))
    agent = agent_of(spec)
    actor = agent.init(jax.random.key(3)).groups["actor"].params["actor"]
    observation = jnp.broadcast_to(jnp.array([0.3, -1.0, 0.5]), (200_000, 3))
    action, log_density = jax.jit(agent.sample_action)(jax.random.key(4), actor, observation)
    order = np.argsort(action[:, 0])
    area = integrate.trapezoid(np.exp(np.asarray(log_density, np.float64)[order]), np.asarray(action)[order, 0])
    assert abs(area - 1) < 1e-3


@pytest.mark.parametrize("raw", [-30.0, -9.0, 0.0, 9.0, 30.0])
def test_the_correction_for_tanh_is_finite_where_tanh_is_flat(raw):
    """A policy with a known mean and almost no spread, beside log(1 - tanh(u)^2) in float64."""
    agent = agent_of(SPEC._replace(action=Box((1,), -np.ones(1, np.float32), np.ones(1, np.float32))))
    actor = agent.init(jax.random.key(0)).groups["actor"].params["actor"]
    zeros = jax.tree.map(jnp.zeros_like, actor)
    actor = {**zeros, "output": {**zeros["output"], "bias": jnp.array([raw, -20.0])}}
    key = jax.random.key(1)
    noise = float(standard_normal(key, (1, 1))[0, 0])
    u = raw + np.exp(-20.0) * noise
    slope = np.log(4.0) - 2 * abs(u) - 2 * np.log1p(np.exp(-2 * abs(u)))
    expected = -0.5 * noise**2 + 20.0 - 0.5 * np.log(2 * np.pi) - slope
    gradient = jax.grad(lambda actor: agent.sample_action(key, actor, jnp.zeros((1, 3)))[1].sum())(actor)
    _, log_density = agent.sample_action(key, actor, jnp.zeros((1, 3)))
    np.testing.assert_allclose(log_density[0], expected, rtol=1e-5, atol=1e-4)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_one_update_steps_the_temperature_as_adam_does_and_averages_the_targets():
    agent = agent_of(warmup_steps=3, batch_size=4, replay_capacity_steps=10, target_step_size=0.25, reward_scale=0.5)
    state = agent.init(jax.random.key(0))
    random = np.random.default_rng(0)
    draw = lambda *shape: jnp.asarray(random.normal(size=shape).astype(np.float32))
    no = jnp.zeros((1, 1), bool)
    for step in range(1, 5):
        before = state
        action = jnp.asarray(random.uniform(LOW, HIGH, (1, 1, 2)).astype(np.float32))
        rollout = Transition(draw(1, 1, 3), action, draw(1, 1), no, no, draw(1, 1, 3))
        state, metrics = agent.update(jax.random.key(step), jnp.int32(step), state, rollout)
    scaled = (np.asarray(rollout.action) - LOW) / (0.5 * (HIGH - LOW)) - 1
    np.testing.assert_allclose(state.replay.storage.action[3], scaled[0], atol=1e-6)
    np.testing.assert_allclose(state.replay.storage.reward[3], 0.5 * np.asarray(rollout.reward)[0])
    # Adam's first step is its learning rate, against the sign of the gradient: entropy - its target of -2.
    direction = np.sign(float(metrics["entropy"]) + 2.0)
    np.testing.assert_allclose(state.log_temperature, -3e-4 * direction, rtol=1e-3)
    critics, old = state.groups["critics"], before.groups["critics"]
    averaged = jax.tree.map(lambda new, target: 0.75 * target + 0.25 * new, critics.params, old.target_params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), critics.target_params, averaged)


def test_warm_up_acts_uniformly_within_the_bounds_and_learns_nothing():
    agent = agent_of(warmup_steps=10)
    state = agent.init(jax.random.key(0))
    actions = np.asarray(agent.explore(jax.random.key(1), jnp.int32(3), state, jnp.zeros((5_000, 3))))
    for index in range(2):
        spread = stats.uniform(LOW[index], HIGH[index] - LOW[index])
        assert stats.kstest(actions[:, index], spread.cdf).pvalue > 0.01
    assert agent.num_updates(10) == 0
    assert agent.num_updates(11) == 1


OFTEN = Window(0.0, 0.8, 3)


@pytest.mark.parametrize(
    ("method", "storage"),
    [
        pytest.param(RigL(window=OFTEN), "compressed", marks=pytest.mark.kernels, id="rigl-compressed"),
        pytest.param(SET(window=OFTEN), "masked", id="set-masked"),
    ],
)
def test_targets_lie_on_the_topology_of_their_critic_at_every_step(method, storage):
    if storage == "compressed" and linalg.unavailable_reason():
        pytest.skip("there are no native kernels")
    agent = agent_of(
        AIMED.spec, method, 0.5, storage, updates=14, warmup_steps=2, batch_size=8, replay_capacity_steps=50
    )
    key, state = jax.random.key(0), None
    state = training.start(agent, AIMED, key)
    seen = []
    for now, _ in training.train(agent, AIMED, key, state, range(1, 17)):
        group = now.agent.groups["critics"]
        masks = {name: np.asarray(mask) for name, mask in topology(group).items()}
        targets = kernels(group.target_params)
        for name, mask in masks.items():
            assert not np.asarray(linalg.to_dense(targets[name]))[~mask].any()
        seen.append(masks)
    first, last = seen[0], seen[-1]
    assert any((first[name] != last[name]).any() for name in first)
    assert any((last["critic_1/" + layer] != last["critic_2/" + layer]).any() for layer in ("hidden_1", "hidden_2"))


def test_the_right_action_is_found():
    """Its temperature low, the policy aims at o + 1, within bounds that are not those of tanh."""
    method, sparsity = RigL(window=Window(0.0, 0.8, 100)), 0.5
    network = MLPSettings((24, 24), initializer="glorot_uniform", output_limit=None, output_bias=0.0)
    agent = agent_of(
        AIMED.spec, method, sparsity, network=network, rate=3e-3, updates=2_000, warmup_steps=100, batch_size=64,
        replay_capacity_steps=2_000, target_entropy_per_dimension=-3.0, temperature_learning_rate=3e-3,
    )  # fmt: skip
    key = jax.random.key(1)
    ((state, _),) = training.train(agent, AIMED, key, training.start(agent, AIMED, key), [2_000])
    found = agent.exploit(key, state.agent, jnp.array([[-1.0], [1.0]]))
    np.testing.assert_allclose(found[:, 0], [0.0, 2.0], atol=0.25)


@pytest.mark.parametrize(("bootstrap", "low", "high"), [(True, 0.9, 1.1), (False, 0.3, 0.42)])
def test_time_limits_bootstrap_where_asked(bootstrap, low, high):
    """Reward 0.1 for 5 steps at a time, discount 0.9: V = 1, or V = 0.1 + 0.9 (4 of 5) V = 0.36 without."""
    network = MLPSettings((16,), initializer="glorot_uniform", output_limit=None, output_bias=0.0)
    agent = agent_of(
        ENDLESS_AIMED.spec, network=network, rate=3e-3, updates=2_000, warmup_steps=50, batch_size=32,
        replay_capacity_steps=1_000, discount=0.9, initial_temperature=1e-4, temperature_learning_rate=1e-9,
        target_step_size=0.05, bootstrap_time_limits=bootstrap,
    )  # fmt: skip
    key = jax.random.key(2)
    ((_, metrics),) = training.train(agent, ENDLESS_AIMED, key, training.start(agent, ENDLESS_AIMED, key), [2_000])
    assert low < float(metrics["mean_value"]) < high


def test_critics_see_pixels_as_the_actor_does():
    agent = agent_of(SPEC._replace(observation_dtype=np.dtype("uint8")))
    critics = agent.init(jax.random.key(0)).groups["critics"].params
    seen, action = np.array([[3, 200, 255]], np.uint8), jnp.full((1, 2), 0.5)
    scaled = agent.values(critics, jnp.float32(seen) / 255, action)
    np.testing.assert_array_equal(agent.values(critics, jnp.asarray(seen), action), scaled)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Discrete(3), "needs continuous actions"),
        (Box((1,), np.array([-np.inf], np.float32), np.array([1.0], np.float32)), "unbounded"),
        (Box((1,), np.array([1.0], np.float32), np.array([1.0], np.float32)), "single value"),
        (Box((1,), np.array([-1e-40], np.float32), np.array([1e-40], np.float32)), "single value in float32"),
    ],
)
def test_actions_that_do_not_fit_are_refused(action, words):
    with pytest.raises(UserError, match=words):
        SAC(SACSettings(), SPEC._replace(action=action), None, None, {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("discount", 1.5),
        ("batch_size", 0),
        ("target_step_size", -0.1),
        ("reward_scale", 0.0),
        ("log_deviation_minimum", 2.0),
    ],
)
def test_settings_out_of_range_are_refused_by_name(field, value):
    with pytest.raises(UserError, match=field):
        SACSettings(**{field: value})
