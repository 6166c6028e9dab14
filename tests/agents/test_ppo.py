"""PPO: losses, advantages and normalizers against independent NumPy versions, probe environments, topologies."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from covering import covering
from probes import AIMED, DELAYED, ENDLESS, MATCHED, WIDE, HostTwin
from sparserl import linalg, training
from sparserl.agents.normalization import merged, no_moments, normalized
from sparserl.agents.policies import Categorical, gaussian, raw_deviation
from sparserl.agents.ppo import GROUP, PPO, PPOSettings, PPOState, Samples, advantages
from sparserl.experiment import from_preset, plan_of, policy_arrays
from sparserl.experiment.building import make_agent, make_optimizers
from sparserl.networks import MLP, MLPSettings
from sparserl.sparsity import Distribution, SparseOptimizer, Window, kernels, topology
from sparserl.sparsity.methods import SET, Dense, RigL
from sparserl.types import Box, Discrete, EnvSpec, Transition, UserError

pytestmark = pytest.mark.slow

LOW, HIGH = np.array([-1.0, -2.0], np.float32), np.array([1.0, 4.0], np.float32)
SPEC = EnvSpec("made up", (3,), np.dtype("float32"), Box((2,), LOW, HIGH), None)
CHOICES = SPEC._replace(action=Discrete(4))
TINY = MLPSettings((8, 6), activation="tanh", initializer="orthogonal", output_limit=None, output_bias=0.0)
RAW = {"observation_limit": None, "reward_limit": None}


def agent_of(
    spec=SPEC, method=None, sparsity=0.0, storage="masked", network=TINY, rate=1e-3, updates=200, num_envs=1, **settings
):
    defaults = {"rollout_steps": 8, "batch_size": 4, "num_epochs": 2}
    settings = PPOSettings(**{**defaults, **settings})
    if isinstance(spec.action, Discrete):
        actor = MLP(network, spec.observation_shape, spec.action.num_actions)
    else:
        size = math.prod(spec.action.shape)
        raw = raw_deviation(settings.initial_deviation, settings.deviation)
        actor = MLP(network, spec.observation_shape, size, num_constants=size, initial_constant=raw)
    value = MLP(dataclasses.replace(network, activation=settings.value_activation), spec.observation_shape, 1)
    shapes = {"actor": actor.layer_shapes, "value": value.layer_shapes}
    sparsities = Distribution("erk").network_sparsities(shapes, dict.fromkeys(shapes, sparsity))
    packed = {name: 1.0 for name, value in sparsities.items() if value > 0} if storage == "compressed" else {}
    inner = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(rate))
    optimizer = SparseOptimizer(inner, method or Dense(), sparsities, updates, break_even=packed)
    return PPO(settings, spec, actor, value, optimizer, num_envs)


def numpy_mlp(params, x, activation):
    affine = lambda layer, x: x @ np.asarray(layer["kernel"], np.float64) + np.asarray(layer["bias"], np.float64)
    for name in ("hidden_1", "hidden_2"):
        x = activation(affine(params[name], x))
    return affine(params["output"], x)


def relu(x):
    return np.maximum(x, 0)


def drawn_rollout(random, agent, num_steps, num_envs):
    draw = lambda *shape: random.normal(size=(num_steps, num_envs, *shape)).astype(np.float32)
    ends = random.random((num_steps, num_envs))
    discrete = isinstance(agent.spec.action, Discrete)
    action = random.integers(0, 4, (num_steps, num_envs)).astype(np.int32) if discrete else draw(2)
    rollout = Transition(draw(3), action, draw(), ends < 0.15, (ends > 0.1) & (ends < 0.3), draw(3))
    return jax.tree.map(jnp.asarray, rollout)


class TestLoss:
    @pytest.mark.parametrize("spec", [SPEC, CHOICES], ids=["continuous", "discrete"])
    def test_it_is_that_of_an_independent_version(self, spec):
        agent = agent_of(spec, entropy_weight=0.03, clip_range=0.1, value_weight=0.7)
        params = agent.init(jax.random.key(0)).groups[GROUP].params
        random = np.random.default_rng(0)
        x = random.normal(size=(5, 3))
        outputs = numpy_mlp(params["actor"], x, np.tanh)
        if spec is CHOICES:
            action = random.integers(0, 4, 5)
            log_all = outputs - np.log(np.exp(outputs).sum(-1, keepdims=True))
            log_density, entropy = log_all[np.arange(5), action], -(np.exp(log_all) * log_all).sum(-1)
        else:
            action = random.normal(size=(5, 2))
            mean = np.array([0.0, 1.0]) + np.array([1.0, 3.0]) * np.tanh(outputs)
            deviation = np.log1p(np.exp(np.asarray(params["actor"]["constants"]["bias"], np.float64)))
            np.testing.assert_allclose(deviation, 0.35, rtol=1e-5)
            log_density = stats.norm.logpdf(action, mean, deviation).sum(-1)
            entropy = np.full(5, stats.norm.entropy(0, deviation).sum())
        old = log_density + np.array([-0.3, -0.05, 0.0, 0.05, 0.3])  # ratios on both sides of both bounds
        advantage, target = random.normal(size=5), random.normal(size=5)
        scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        ratio = np.exp(log_density - old)
        objective = np.minimum(ratio * scaled, np.clip(ratio, 0.9, 1.1) * scaled).mean()
        value = numpy_mlp(params["value"], x, relu)[:, 0]
        expected = -objective + 0.7 * ((value - target) ** 2).mean() - 0.03 * entropy.mean()

        arrays = (x, action, old, advantage, target)
        samples = Samples(*(jnp.asarray(a, jnp.int32 if a.dtype == np.int64 else jnp.float32) for a in arrays))
        loss, metrics = agent.loss(params, samples)
        np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(metrics["entropy"], entropy.mean(), rtol=1e-4)
        np.testing.assert_allclose(metrics["clipped_fraction"], (np.abs(ratio - 1) > 0.1).mean())

    def test_no_gradient_flows_through_a_clipped_ratio(self):
        agent = agent_of(normalize_advantages=False, value_weight=0.0)
        params = agent.init(jax.random.key(0)).groups[GROUP].params
        action, x = jnp.ones((1, 2)), jnp.ones((1, 3))
        density = agent.policy(params["actor"], x).log_density(action)
        samples = lambda shift, gain: Samples(x, action, density + shift, gain, gain)
        slope = lambda shift, gain: jax.grad(lambda params: agent.loss(params, samples(shift, gain))[0])
        size = lambda g: sum(float(jnp.abs(leaf).sum()) for leaf in jax.tree.leaves(g["actor"]))
        better, worse = jnp.ones(1), -jnp.ones(1)
        assert size(slope(-0.5, better)(params)) == 0 < size(slope(-0.5, worse)(params))
        assert size(slope(0.5, worse)(params)) == 0 < size(slope(0.5, better)(params))


class TestAdvantages:
    def test_by_hand(self):
        """Two steps, then an episode ends by its time limit (its value counts), then one that terminates."""
        reward, value = np.array([1.0, 2.0, 4.0]), np.array([0.5, 1.0, 2.0])
        following = np.array([1.0, 3.0, 0.0])  # the last one terminated
        ended = np.array([False, True, True])
        wide = lambda x: jnp.expand_dims(jnp.asarray(x), 1)
        found = advantages(*map(wide, (reward, value, following, ended)), 0.5, 0.8)
        second = 2.0 + 0.5 * 3.0 - 1.0
        first = 1.0 + 0.5 * 1.0 - 0.5 + 0.4 * second
        np.testing.assert_allclose(found[:, 0], [first, second, 2.0])

    @pytest.mark.parametrize(
        ("trace_decay", "bootstrap"),
        covering(list(itertools.product((0.0, 0.9, 1.0), (True, False))), lambda case: case[1] == (case[0] != 0.9)),
    )
    def test_samples_of_a_rollout_are_those_of_an_independent_version(self, trace_decay, bootstrap):
        """Equation 11 of Schulman et al. 2016, summed forwards from every step to the end of its episode."""
        agent = agent_of(num_envs=3, trace_decay=trace_decay, bootstrap_time_limits=bootstrap, reward_limit=None)
        state = agent.init(jax.random.key(0))
        observations = merged(state.observations, jnp.asarray(np.random.default_rng(5).normal(1, 3, (20, 3))))
        state = state._replace(observations=observations)
        rollout = drawn_rollout(np.random.default_rng(1), agent, 8, 3)
        rollout = rollout._replace(terminated=rollout.terminated & ~rollout.truncated)
        new, _ = jax.jit(agent.update)(jax.random.key(1), jnp.int32(8), state, rollout)
        params, rollout = state.groups[GROUP].params, jax.tree.map(np.asarray, rollout)
        deviation = np.sqrt(np.asarray(observations.variance) + 1e-3)
        normal = lambda x: np.clip((x - np.asarray(observations.mean)) / deviation, -5, 5)
        value = lambda x: numpy_mlp(params["value"], normal(x), relu)[..., 0]
        dead = rollout.terminated | (rollout.truncated if not bootstrap else False)
        now, following = value(rollout.observation), np.where(dead, 0, value(rollout.next_observation))
        error = rollout.reward + 0.99 * following - now
        ended, expected = rollout.terminated | rollout.truncated, np.zeros((8, 3))
        for env in range(3):
            for start in range(8):
                factor = 1.0
                for step in range(start, 8):
                    expected[start, env] += factor * error[step, env]
                    if ended[step, env]:
                        break
                    factor *= 0.99 * trace_decay
        np.testing.assert_allclose(new.replay.advantage.reshape(8, 3), expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(new.replay.target.reshape(8, 3), expected + now, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(new.replay.observation.reshape(8, 3, 3), normal(rollout.observation), rtol=1e-4)


class TestNormalizers:
    def test_merged_moments_are_those_of_all_examples(self):
        random, moments, seen = np.random.default_rng(0), no_moments((2,)), []
        for size, middle in ((1, 1e3), (7, -5.0), (300, 40.0)):
            seen.append(random.normal([middle, 0.0], [3.0, 1e-2], (size, 2)).astype(np.float32))
            moments = jax.jit(merged)(moments, seen[-1])
        whole = np.concatenate(seen).astype(np.float64)
        assert int(moments.num_examples) == 308
        np.testing.assert_allclose(moments.mean, whole.mean(0), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(moments.variance, whole.var(0), rtol=1e-4)
        found = normalized(moments, seen[0], limit=1.5)
        expected = np.clip((seen[0] - whole.mean(0)) / np.sqrt(whole.var(0) + 1e-3), -1.5, 1.5)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
        assert np.abs(found).max() == 1.5

    def test_what_nothing_is_known_of_stays_as_it_is(self):
        np.testing.assert_allclose(normalized(no_moments((2,)), jnp.ones((1, 2)), 5.0), 1.0, rtol=1e-3)

    @pytest.mark.parametrize("before", [True, False])
    def test_a_rollout_counts_before_or_after_it_is_learned_from(self, before):
        agent = agent_of(num_envs=2, normalize_before_learning=before)
        rollout = drawn_rollout(np.random.default_rng(1), agent, 8, 2)
        start = agent.init(jax.random.key(0))
        state, _ = jax.jit(agent.update)(jax.random.key(1), jnp.int32(8), start, rollout)
        flat = np.asarray(rollout.observation).reshape(16, 3)
        np.testing.assert_allclose(state.observations.mean, flat.mean(0), atol=1e-5)
        np.testing.assert_allclose(state.rewards.variance, rollout.reward.var(), rtol=1e-4)
        known = state if before else start
        of = known.observations
        expected = (flat - np.asarray(of.mean)) / np.sqrt(np.asarray(of.variance) + 1e-3)
        np.testing.assert_allclose(state.replay.observation, expected, atol=1e-4)
        reward = rollout.reward / np.sqrt(float(known.rewards.variance) + 1e-3)
        policy = agent.policy(start.groups[GROUP].params["actor"], rollout.observation / np.float32(np.sqrt(1.001)))
        density = policy.log_density(rollout.action)  # as it was acted, at first without any statistics
        np.testing.assert_allclose(state.replay.log_density, density.ravel(), atol=1e-4)
        value = agent.value.apply(start.groups[GROUP].params["value"], rollout.observation / np.float32(np.sqrt(1.001)))
        one_step = dataclasses.replace(
            agent, settings=dataclasses.replace(agent.settings, trace_decay=0.0, discount=0.0)
        )
        state, _ = jax.jit(one_step.update)(jax.random.key(1), jnp.int32(8), start, rollout)
        np.testing.assert_allclose(state.replay.advantage, (reward - value[..., 0]).ravel(), atol=1e-4)

    def test_without_limits_nothing_is_normalized(self):
        agent = agent_of(**RAW)
        rollout = drawn_rollout(np.random.default_rng(1), agent, 8, 1)
        state, _ = jax.jit(agent.update)(jax.random.key(1), jnp.int32(8), agent.init(jax.random.key(0)), rollout)
        np.testing.assert_array_equal(state.replay.observation, rollout.observation[:, 0])
        assert int(state.observations.num_examples) == int(state.rewards.num_examples) == 0


class TestPolicies:
    def test_draws_follow_their_density(self):
        outputs = jnp.tile(jnp.array([[0.3, -0.2, 0.1, -1.0]]), (20_000, 1))
        policy = gaussian(outputs, Box((2,), LOW, HIGH), squash_mean=True, deviation="exponential")
        draws = np.asarray(policy.sample(jax.random.key(0)))
        for index, (middle, half) in enumerate([(0.0, 1.0), (1.0, 3.0)]):
            normal = stats.norm(middle + half * np.tanh([0.3, -0.2][index]), np.exp([0.1, -1.0][index]))
            assert stats.kstest(draws[:, index], normal.cdf).pvalue > 0.01
        assert float(-policy.log_density(draws).mean()) == pytest.approx(float(policy.entropy()[0]), abs=0.03)
        choice = Categorical(jnp.tile(jnp.array([[0.0, 1.0, -1.0]]), (20_000, 1)))
        counts = np.bincount(np.asarray(choice.sample(jax.random.key(1))), minlength=3) / 20_000
        np.testing.assert_allclose(counts, np.exp([0, 1, -1]) / np.exp([0, 1, -1]).sum(), atol=0.015)
        assert (np.asarray(choice.mode()) == 1).all()

    @pytest.mark.parametrize("name", ["softplus", "exponential"])
    def test_a_raw_deviation_stands_for_its_value(self, name):
        outputs = jnp.array([[0.0, raw_deviation(0.35, name)]])
        assert float(gaussian(outputs, WIDE, False, name).deviation[0, 0]) == pytest.approx(0.35)


class TestUpdates:
    def test_every_sample_is_learned_from_once_an_epoch(self):
        seen, order = [], []
        agent = agent_of(num_epochs=3, rollout_steps=12, **RAW)

        class Spy:
            def minimize(self, key, num_updates, loss, group):
                jax.debug.callback(lambda n: seen.append(int(n)), num_updates)
                return group, loss(group.params)[1]

            def init(self, key, params, with_target):
                return agent.optimizer.init(key, params, with_target)

        original = PPO.loss
        spy = dataclasses.replace(agent, optimizer=Spy())
        rollout = drawn_rollout(np.random.default_rng(1), agent, 12, 1)

        def loss(self, params, samples):
            jax.debug.callback(lambda x: order.extend(np.asarray(x)), samples.observation[:, 0])
            return original(self, params, samples)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PPO, "loss", loss)
            jax.jit(spy.update)(jax.random.key(1), jnp.int32(24), spy.init(jax.random.key(0)), rollout)
            jax.effects_barrier()
        assert seen == list(range(9, 18))  # the second rollout's nine updates
        epochs = np.array(order).reshape(3, 12)
        for epoch in epochs:
            assert sorted(epoch) == sorted(rollout.observation[:, 0, 0])
            assert len(set(epoch)) == 12
        assert (epochs[0] != epochs[1]).any()

    def test_counts(self):
        assert PPOSettings().num_updates(1_001_472) == 156_480
        assert PPOSettings(rollout_steps=256).num_updates(512, num_envs=8) == 2 * 320
        with pytest.raises(UserError, match=r"batch_size is 64: it must divide the 100 steps of a rollout"):
            PPOSettings(rollout_steps=50).updates_per_rollout(2)

    @pytest.mark.parametrize(
        ("method", "storage"),
        [
            pytest.param(RigL(window=Window(0.0, 0.8, 3)), "masked", id="rigl-masked"),
            pytest.param(SET(window=Window(0.0, 0.8, 3)), "compressed", marks=pytest.mark.kernels, id="set-compressed"),
        ],
    )
    def test_topologies_move_and_keep_their_counts(self, method, storage):
        if storage == "compressed" and linalg.unavailable_reason():
            pytest.skip("there are no native kernels")
        agent = agent_of(AIMED.spec, method, 0.5, storage, updates=40)
        key = jax.random.key(0)
        state = training.start(agent, AIMED, key)
        seen = []
        for now, _ in training.train(agent, AIMED, key, state, range(8, 81, 8)):
            group = now.agent.groups[GROUP]
            masks = {name: np.asarray(mask) for name, mask in topology(group).items()}
            for name, mask in masks.items():
                assert not np.asarray(linalg.to_dense(kernels(group.params)[name]))[~mask].any()
            seen.append(masks)
        for name, first in seen[0].items():
            assert {masks[name].sum() for masks in seen} == {first.sum()}
        assert any((seen[0][name] != seen[-1][name]).any() for name in seen[0])

    def test_a_dense_network_steps_as_plain_optax_does(self):
        agent = agent_of(num_epochs=1, batch_size=8)
        state = agent.init(jax.random.key(0))
        rollout = drawn_rollout(np.random.default_rng(1), agent, 8, 1)
        new, _ = jax.jit(agent.update)(jax.random.key(1), jnp.int32(8), state, rollout)
        params, inner = state.groups[GROUP].params, optax.chain(optax.clip_by_global_norm(0.5), optax.adam(1e-3))
        gradients = jax.grad(lambda p: agent.loss(p, new.replay)[0])(params)
        updates, _ = inner.update(gradients, inner.init(params))
        expected = optax.apply_updates(params, updates)
        close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
        jax.tree.map(close, new.groups[GROUP].params, expected)


NETWORK = MLPSettings((24, 24), activation="tanh", initializer="orthogonal", output_limit=None, output_bias=0.0)


@pytest.mark.parametrize(
    ("method", "sparsity", "host"), [(RigL(window=Window(0.0, 0.8, 100)), 0.5, False), (Dense(), 0.0, True)]
)
def test_the_right_action_is_found(method, sparsity, host):
    """Continuous, within bounds that are not those of tanh; and drawn actions stay within what environments allow."""
    chosen = []

    class Watched(HostTwin):
        def step(self, key, state, action):
            chosen.append(action.copy())
            return super().step(key, state, action)

    agent = agent_of(
        AIMED.spec, method, sparsity, network=NETWORK, rate=3e-3, updates=2_000, rollout_steps=128, batch_size=32,
        num_epochs=10, initial_deviation=1.0,
    )  # fmt: skip
    if host:
        probe = dataclasses.replace(AIMED, first=lambda key: jnp.float32(1))
        environment = Watched(probe)
        state = training.start(agent, environment, jax.random.key(1))
        list(training.train(agent, environment, jax.random.key(1), state, [256]))
        actions = np.concatenate(chosen)
        assert (actions.min(), actions.max()) == (-1, 3)
        return
    key = jax.random.key(1)
    *_, (state, _) = training.train(agent, AIMED, key, training.start(agent, AIMED, key), [6_400])
    found = agent.exploit(key, state.agent, jnp.array([[-1.0], [1.0]]))
    np.testing.assert_allclose(found[:, 0], [0.0, 2.0], atol=0.25)


def test_discrete_actions_that_fit_the_observation_are_found():
    environment = dataclasses.replace(MATCHED, num_envs=4)
    agent = agent_of(
        environment.spec, RigL(window=Window(0.0, 0.8, 50)), 0.5, network=NETWORK, rate=3e-3, updates=1_000, num_envs=4,
        rollout_steps=32, batch_size=32,
    )  # fmt: skip
    key = jax.random.key(1)
    *_, (state, _) = training.train(agent, environment, key, training.start(agent, environment, key), [2_000])
    np.testing.assert_array_equal(agent.exploit(key, state.agent, jnp.array([[-1.0], [1.0]])), [0, 1])


@pytest.mark.parametrize(
    ("probe", "observation", "settings", "value"),
    [
        (DELAYED, [0.0, 1.0], {}, [0.9, 1.0]),
        (ENDLESS, [0.0], {}, [1.0]),  # 0.1 a step for ever, discount 0.9
        (ENDLESS, [0.0], {"bootstrap_time_limits": False}, [0.295]),  # the mean over a five-step episode
    ],
    ids=["delay", "time limit", "time limit as an end"],
)
def test_values_are_right(probe, observation, settings, value):
    agent = agent_of(
        probe.spec, network=NETWORK, rate=3e-3, rollout_steps=60, batch_size=20, num_epochs=4, discount=0.9, **RAW,
        **settings,
    )  # fmt: skip
    key = jax.random.key(0)
    *_, (state, _) = training.train(agent, probe, key, training.start(agent, probe, key), [9_000])
    found = agent.value.apply(state.agent.groups[GROUP].params["value"], jnp.array(observation)[:, None])
    np.testing.assert_allclose(found[:, 0], value, atol=0.06)


def test_a_learning_rate_falls_to_zero_rollout_by_rollout():
    experiment = from_preset("ppo", "dense", "Pendulum-v1", sparsity=0.0, total_steps=3 * 2_048)
    inner = experiment.optimizer.build(960, 320)
    params = {"w": jnp.zeros(3)}
    state, rates = inner.init(params), []
    for _ in range(960):
        updates, state = jax.jit(inner.update)({"w": jnp.ones(3)}, state)
        rates.append(-float(updates["w"][0]))
    np.testing.assert_allclose(rates[::319], 3e-4 * np.array([1, 1, 2 / 3, 1 / 3]), rtol=1e-2)
    np.testing.assert_allclose(rates[320], 2e-4, rtol=1e-2)
    np.testing.assert_allclose(rates[639], 2e-4, rtol=1e-2)


def test_settings_of_the_published_code():
    experiment = from_preset("ppo", "rigl", "HalfCheetah-v5", "published-code")
    assert experiment.method.window.due_updates(156_480)[-1] == 120_000
    pruning = from_preset("ppo", "prune", "HalfCheetah-v5", "published-code").method.window.due_updates(156_480)
    assert (pruning[0], pruning[-1], pruning[1] - pruning[0]) == (32_000, 120_000, 500)


def test_what_acting_reads_is_kept_with_the_run():
    plan = plan_of(from_preset("ppo", "dense", "Pendulum-v1", sparsity=0.0))
    agent = make_agent(plan, make_optimizers(plan))
    arrays = policy_arrays(agent.init(jax.random.key(0)))
    assert {"observations/mean", "observations/squares", "observations/num_examples"} <= set(arrays)
    assert not [name for name in arrays if name.startswith("replay")]
    assert isinstance(jax.eval_shape(agent.init, jax.random.key(0)), PPOState)


def test_minibatches_of_one_advantage_are_refused_where_it_would_be_normalized_to_zero():
    with pytest.raises(UserError, match=r"^batch_size is 1: .* at least 2, or choose normalize_advantages=False$"):
        PPOSettings(batch_size=1)
    assert PPOSettings(batch_size=1, normalize_advantages=False).batch_size == 1
    assert PPOSettings(batch_size=2).normalize_advantages


@pytest.mark.parametrize(
    ("field", "value"),
    [("discount", 1.5), ("batch_size", 0), ("clip_range", 0.0), ("reward_limit", 0.0), ("value_weight", -1.0)],
)
def test_settings_out_of_range_are_refused_by_name(field, value):
    with pytest.raises(UserError, match=field):
        PPOSettings(**{field: value})


@pytest.mark.parametrize("settings", [RAW, {}])
def test_a_vector_of_pixels_is_acted_on_as_it_is_learned_from(settings):
    agent = agent_of(SPEC._replace(observation_dtype=np.dtype("uint8")), **settings)
    state, seen = agent.init(jax.random.key(0)), np.array([[[3, 200, 255]]], np.uint8)
    action, flags = jnp.zeros((1, 1, 2)), jnp.zeros((1, 1), bool)
    rollout = Transition(seen, action, jnp.ones((1, 1)), flags, flags, seen)
    samples = agent.samples(state, state, rollout)
    assert samples.observation.dtype == np.float32
    acting = agent._policy_of(state, seen[0]).log_density(action[0])
    learning = agent.policy(state.groups[GROUP].params["actor"], samples.observation).log_density(samples.action)
    np.testing.assert_allclose(learning, acting, rtol=1e-6)


def test_bounds_beyond_what_float32_tells_apart_need_means_that_are_not_squashed():
    wide = SPEC._replace(action=Box((1,), np.full(1, -1e12, np.float32), np.full(1, 1e12, np.float32)))
    with pytest.raises(UserError, match=r"bounded by 1e\+12, where float32 .* squash_mean=False"):
        agent_of(wide)
    assert agent_of(wide, squash_mean=False).spec == wide
    assert agent_of(SPEC._replace(action=Box((1,), np.full(1, -1e4, np.float32), np.full(1, 1e4, np.float32))))


def test_unbounded_actions_need_means_that_are_not_squashed():
    free = SPEC._replace(action=Box((2,), -np.full(2, np.inf, np.float32), np.full(2, np.inf, np.float32)))
    with pytest.raises(UserError, match=r"unbounded: .* squash_mean=False"):
        agent_of(free)
    agent = agent_of(free, squash_mean=False)
    actions = agent.explore(jax.random.key(0), jnp.int32(0), agent.init(jax.random.key(0)), jnp.zeros((1, 3)))
    assert np.isfinite(training.loop.within_bounds(free, actions)).all()
