"""DQN: its loss by hand, its clock, its exploration, its target, and what it learns of the probe environments."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from covering import covering
from probes import TRUTH
from sparserl import training
from sparserl.agents import replay
from sparserl.agents.dqn import DQN, DQNSettings
from sparserl.agents.replay import Batch
from sparserl.networks import MLP, MLPSettings
from sparserl.sparsity import SparseOptimizer
from sparserl.sparsity.methods import Dense, RigL
from sparserl.sparsity.schedules import Window
from sparserl.types import Box, Discrete, EnvSpec, Transition, UserError

pytestmark = pytest.mark.slow

SPEC = EnvSpec("made up", (2,), np.dtype("float32"), Discrete(3), None)


class TableNetwork:
    """Action values are the parameters themselves: row `observation[0]` of a table."""

    def init(self, key):
        return {"table": jnp.zeros((4, 3))}

    def apply(self, params, observation):
        return params["table"][observation[..., 0].astype(int)]


def table_agent(**settings):
    optimizer = SparseOptimizer(optax.sgd(0.1), Dense(), {}, 100)
    return DQN(DQNSettings(**settings), SPEC, TableNetwork(), optimizer)


ONLINE = np.array([[1.0, 2.0, 3.0], [4.0, 9.0, 6.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], np.float32)
TARGET = np.array([[0.5, 0.0, 0.0], [7.0, 5.0, 8.0], [2.0, 2.0, 2.0], [3.0, 3.0, 3.0]], np.float32)
BATCH = Batch(
    observation=np.array([[0.0, 0], [1, 0]], np.float32),
    action=np.array([2, 0], np.int32),
    reward=np.array([1.0, -1.0], np.float32),
    discount=np.array([0.9, 0.0], np.float32),
    next_observation=np.array([[1.0, 0], [2, 0]], np.float32),
)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # First error 3 - (1 + 0.9 * 8) = -5.2, second 4 - (-1 + 0) = 5.
        ({}, (5.2**2 + 5**2) / 2),
        # Double: the online network prefers action 1 in state 1, the target values it 5: 3 - (1 + 0.9 * 5) = -2.5.
        ({"double": True}, (2.5**2 + 5**2) / 2),
        ({"huber": True}, ((5.2 - 0.5) + (5 - 0.5)) / 2),
    ],
)
def test_loss_by_hand(settings, expected):
    loss, metrics = table_agent(**settings).loss({"table": ONLINE}, {"table": TARGET}, jax.tree.map(jnp.asarray, BATCH))
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    np.testing.assert_allclose(metrics["mean_value"], (3 + 4) / 2)


def test_gradient_flows_through_the_chosen_values_only():
    gradient = jax.grad(lambda p: table_agent().loss(p, {"table": TARGET}, jax.tree.map(jnp.asarray, BATCH))[0])
    expected = np.zeros((4, 3))
    expected[0, 2], expected[1, 0] = -5.2, 5.0  # d mean(e ** 2) = e for a batch of two
    np.testing.assert_allclose(gradient({"table": jnp.asarray(ONLINE)})["table"], expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("warmup_steps", "steps_per_update", "counts"),
    [(1000, 1, {1000: 0, 1001: 1, 100_000: 99_000}), (0, 1, {1: 0, 2: 1}), (10, 4, {8: 0, 12: 0, 16: 1, 20: 2})],
)
def test_the_clock(warmup_steps, steps_per_update, counts):
    agent = table_agent(warmup_steps=warmup_steps, steps_per_update=steps_per_update)
    assert {n: agent.num_updates(n) for n in counts} == counts


def test_exploration_follows_its_schedule():
    agent = table_agent(warmup_steps=1000, initial_epsilon=1.0, final_epsilon=0.1, epsilon_decay_steps=25_000)
    found = [float(agent.epsilon(jnp.int32(n))) for n in (0, 999, 1000, 12_500, 25_000, 90_000)]
    np.testing.assert_allclose(found, [1.0, 1.0, 1 - 0.9 * 0.04, 0.55, 0.1, 0.1], rtol=1e-6)
    constant = table_agent(warmup_steps=10, initial_epsilon=0.01, final_epsilon=0.01, epsilon_decay_steps=0)
    np.testing.assert_allclose([constant.epsilon(jnp.int32(n)) for n in (0, 9, 10, 99)], [1, 1, 0.01, 0.01], rtol=1e-6)


def test_exploration_may_begin_to_fall_later():
    """As in Dopamine, whose epsilon is 1 during 20,000 steps and falls during the 250,000 after them."""
    settings = {"warmup_steps": 20_000, "epsilon_decay_begin_steps": 20_000, "epsilon_decay_steps": 250_000}
    agent = table_agent(**settings, initial_epsilon=1.0, final_epsilon=0.01)
    dopamine = lambda step: 0.01 + np.clip(0.99 * (250_000 + 20_000 - step) / 250_000, 0.0, 0.99)
    steps = (0, 19_999, 20_000, 20_001, 145_000, 269_999, 270_000, 900_000)
    found = [float(agent.epsilon(jnp.int32(n))) for n in steps]
    np.testing.assert_allclose(found, [dopamine(n) for n in steps], rtol=2e-5)
    late = table_agent(warmup_steps=10, epsilon_decay_begin_steps=50, epsilon_decay_steps=100, initial_epsilon=0.6)
    found = [float(late.epsilon(jnp.int32(n))) for n in (9, 10, 50, 100, 150)]
    np.testing.assert_allclose(found, [1.0, 0.6, 0.6, 0.35, 0.1], rtol=1e-5)


@pytest.mark.parametrize(("limit", "expected"), [(None, [-7.0, 0.5, 3.0]), (1.0, [-1.0, 0.5, 1.0])])
def test_rewards_are_cut_before_they_are_summed(limit, expected):
    agent = table_agent(reward_limit=limit, warmup_steps=100, n_step=3, replay_capacity_steps=3, discount=0.5)
    state = agent.init(jax.random.key(0))
    for reward in (-7.0, 0.5, 3.0):
        step = replay.empty(jax.tree.map(lambda x: x[0], state.replay.storage), 1).storage
        step = step._replace(reward=jnp.full((1, 1), reward))
        state, _ = agent.update(jax.random.key(1), jnp.int32(1), state, step)
    np.testing.assert_array_equal(state.replay.storage.reward[:, 0], expected)
    batch = agent.memory.sample(jax.random.key(0), state.replay, 1, 0.5, 3)
    np.testing.assert_allclose(batch.reward, expected[0] + 0.5 * expected[1] + 0.25 * expected[2])


def test_actions_are_greedy_but_for_epsilon():
    agent = table_agent(warmup_steps=0, initial_epsilon=0.3, final_epsilon=0.3, evaluation_epsilon=0.0)
    state = agent.init(jax.random.key(0))
    group = state.groups["q"]._replace(params={"q": {"table": jnp.asarray(ONLINE)}})
    state = state._replace(groups={"q": group})
    observation = jnp.zeros((20_000, 2))
    explored = np.asarray(agent.explore(jax.random.key(1), jnp.int32(5), state, observation))
    frequency = np.bincount(explored, minlength=3) / len(explored)
    np.testing.assert_allclose(frequency, [0.1, 0.1, 0.8], atol=0.01)
    assert (np.asarray(agent.exploit(jax.random.key(1), state, observation)) == 2).all()


def test_target_is_copied_at_its_interval_and_nothing_is_learned_in_warmup():
    agent = table_agent(warmup_steps=3, target_interval_updates=4, batch_size=2, replay_capacity_steps=50)
    state = agent.init(jax.random.key(0))
    random = np.random.default_rng(0)
    for n in range(1, 16):
        step = Transition(
            random.integers(0, 4, (1, 1, 2)).astype(np.float32),
            np.zeros((1, 1), np.int32),
            np.ones((1, 1), np.float32),
            np.zeros((1, 1), bool),
            np.zeros((1, 1), bool),
            random.integers(0, 4, (1, 1, 2)).astype(np.float32),
        )
        before = state.groups["q"]
        state, metrics = agent.update(jax.random.key(n), jnp.int32(n), state, step)
        after, update = state.groups["q"], n - 3  # update counts from 1
        assert (before.params["q"]["table"] == after.params["q"]["table"]).all() == (update < 1)
        assert bool(jnp.isnan(metrics["loss"])) == (update < 1)
        same = (after.target_params["q"]["table"] == after.params["q"]["table"]).all()
        assert same == (update < 1 or update % 4 == 0), n


@pytest.mark.parametrize(
    ("probe", "method"),
    covering(
        list(itertools.product(TRUTH, ("dense", "rigl"))),
        lambda case: (list(TRUTH).index(case[0]) % 2 == 0) == (case[1] == "rigl"),
    ),
)
def test_probe_values_are_learned(probe, method):
    environment, observations, values = TRUTH[probe]
    environment = dataclasses.replace(environment, num_envs=4)
    network = MLP(MLPSettings(hidden_units=(32, 32)), environment.spec.observation_shape, 2)
    sparsities = {} if method == "dense" else {"q/hidden_2": 0.6, "q/output": 0.4}
    sparse = Dense() if method == "dense" else RigL(window=Window(0.0, 0.7, 50))
    settings = DQNSettings(
        discount=0.9,
        batch_size=32,
        warmup_steps=50,
        replay_capacity_steps=200,
        target_interval_updates=10,
        final_epsilon=1.0,
    )
    optimizer = SparseOptimizer(optax.adam(optax.linear_schedule(5e-3, 1e-4, 900)), sparse, sparsities, 900)
    agent = DQN(settings, environment.spec, network, optimizer, num_envs=4)
    key = jax.random.key(0)
    state = training.start(agent, environment, key)
    for state, _ in training.train(agent, environment, key, state, [950]):
        found = network.apply(state.agent.groups["q"].params["q"], np.array(observations, np.float32)[:, None])
    np.testing.assert_allclose(found, values, atol=0.08)


@pytest.mark.parametrize("bootstraps", [True, False])
def test_the_end_of_the_time_limit_has_a_future_or_not(bootstraps):
    agent = table_agent(warmup_steps=99, replay_capacity_steps=8, bootstrap_time_limits=bootstraps)
    flags = np.ones((1, 1), bool)
    observation = np.zeros((1, 1, 2), np.float32)
    cut_off = Transition(observation, np.zeros((1, 1), np.int32), flags * 1.0, ~flags, flags, observation)
    state, _ = agent.update(jax.random.key(0), jnp.int32(1), agent.init(jax.random.key(0)), cut_off)
    batch = replay.sample(jax.random.key(0), state.replay, 4, discount=0.9)
    np.testing.assert_allclose(batch.discount, np.full(4, 0.9 if bootstraps else 0.0), rtol=1e-6)


def test_continuous_actions_are_refused():
    box = SPEC._replace(identifier="Pendulum-v1", action=Box((1,), np.array([-2.0]), np.array([2.0])))
    with pytest.raises(UserError, match=r"agent dqn needs discrete actions.*Pendulum-v1"):
        dataclasses.replace(table_agent(), spec=box)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("discount", 1.5),
        ("batch_size", 0),
        ("n_step", 0),
        ("final_epsilon", -0.1),
        ("warmup_steps", -1),
        ("epsilon_decay_begin_steps", -1),
        ("reward_limit", 0.0),
        ("reward_limit", -1.0),
        ("reward_limit", float("nan")),
    ],
)
def test_bad_settings_are_named(field, value):
    with pytest.raises(UserError, match=field):
        DQNSettings(**{field: value})
