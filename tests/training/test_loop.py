"""The loop: the same bits wherever it stops and however the environment is written, and no hidden work."""

import dataclasses
import signal
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from covering import covering
from probes import CONSTANT, DELAYED, ENDLESS, MATCHED, HostTwin
from sparserl import training
from sparserl.agents.dqn import DQN, DQNSettings
from sparserl.networks import MLP, MLPSettings
from sparserl.sparsity import SparseOptimizer
from sparserl.sparsity.methods import RigL
from sparserl.sparsity.schedules import Window
from sparserl.training import hosted
from sparserl.types import TimeStep, UserError

pytestmark = pytest.mark.slow

TOTAL = 120


def make_agent(environment, **settings):
    network = MLP(MLPSettings(hidden_units=(16, 16)), environment.spec.observation_shape, 2)
    defaults = {"batch_size": 8, "warmup_steps": 20, "replay_capacity_steps": 64, "target_interval_updates": 7}
    settings = DQNSettings(**{**defaults, **settings})
    sparsities = {"q/hidden_1": 0.1, "q/hidden_2": 0.7, "q/output": 0.4}
    optimizer = SparseOptimizer(optax.adam(1e-2), RigL(window=Window(0.0, 0.8, 10)), sparsities, 60)
    return DQN(settings, environment.spec, network, optimizer, environment.num_envs)


def last_state(agent, environment, stops, seed=0):
    key = jax.random.key(seed)
    state = training.start(agent, environment, key)
    for state, metrics in training.train(agent, environment, key, state, stops):  # noqa: B007
        assert set(metrics) == {"loss", "mean_value"}
    return jax.tree.map(np.asarray, state)


def assert_same_bits(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize("steps_per_update", [1, 4])
def test_stops_do_not_change_a_bit(steps_per_update):
    agent = make_agent(MATCHED, steps_per_update=steps_per_update)
    whole = last_state(agent, MATCHED, [TOTAL])
    assert_same_bits(whole, last_state(agent, MATCHED, [4, 40, 44, 100, TOTAL]))
    assert int(whole.num_steps) == TOTAL


def test_stops_round_up_to_whole_updates():
    agent = make_agent(MATCHED, steps_per_update=8)
    key = jax.random.key(0)
    state = training.start(agent, MATCHED, key)
    seen = [int(state.num_steps) for state, _ in training.train(agent, MATCHED, key, state, [3, 5, 17, 24])]
    assert seen == [8, 24]


@pytest.mark.parametrize(
    ("probe", "num_envs", "steps_per_update"),
    covering([(CONSTANT, 1, 1), (DELAYED, 3, 1), (ENDLESS, 1, 4), (DELAYED, 2, 4)], lambda case: case[0] is DELAYED),
)
def test_an_environment_written_both_ways_trains_to_the_same_bits(probe, num_envs, steps_per_update):
    compiled = dataclasses.replace(probe, num_envs=num_envs)
    ours = last_state(make_agent(compiled, steps_per_update=steps_per_update), compiled, [TOTAL])
    host = HostTwin(compiled)
    theirs = last_state(make_agent(host, steps_per_update=steps_per_update), host, [50, TOTAL])
    assert_same_bits(ours.agent, theirs.agent)
    assert_same_bits(ours.episodes, theirs.episodes)


@pytest.mark.parametrize("environment", [CONSTANT, HostTwin(CONSTANT)], ids=["compiled", "host"])
def test_steps_between_two_stops_are_one_compiled_call(monkeypatch, environment):
    """Counts every XLA program that is run, eager ones included."""
    from jax._src.interpreters import pxla

    agent, key = make_agent(environment), jax.random.key(0)
    state = training.start(agent, environment, key)
    calls = []
    original = pxla.ExecuteReplicated.__call__
    monkeypatch.setattr(
        pxla.ExecuteReplicated, "__call__", lambda self, *a: calls.append(self.name) or original(self, *a)
    )
    # Programs already compiled take a C++ path that Python does not see, so every call is made to take the Python one.
    monkeypatch.setattr(jax._src.pjit, "_get_fastpath_data", lambda *a, **k: None)
    list(training.train(agent, environment, key, state, [30, 60]))
    assert calls == ["jit(chunk)"] * 2


class Failing(HostTwin):
    """Its third step does not come back."""

    def __init__(self, probe, failure):
        super().__init__(probe)
        self.num_steps, self.failure = 0, failure

    def step(self, key, state, action):
        self.num_steps += 1
        if self.num_steps == 3:
            raise self.failure
        return super().step(key, state, action)


@pytest.mark.parametrize("failure", [UserError("broken"), KeyboardInterrupt(), ValueError("odd")], ids=repr)
def test_what_a_host_environment_raises_comes_out_at_once(failure, caplog):
    environment = Failing(ENDLESS, failure)
    agent, key = make_agent(environment), jax.random.key(0)
    state = training.start(agent, environment, key)
    with pytest.raises(type(failure)) as caught:
        list(training.train(agent, environment, key, state, [10**9]))  # not after as many steps
    assert caught.value is failure
    assert environment.num_steps == 3
    assert not caplog.records

    environment = Failing(dataclasses.replace(ENDLESS, num_envs=2, length=10**6), failure)
    agent = make_agent(environment)
    evaluate = training.evaluator(agent, environment, max_steps=10**9)
    with pytest.raises(type(failure)):
        evaluate(key, agent.init(key))
    environment.num_steps = 10  # it is whole again
    environment.probe = dataclasses.replace(environment.probe, length=4)
    np.testing.assert_array_equal(evaluate(key, agent.init(key)).lengths, [4, 4])


def test_a_step_that_does_not_fit_is_told():
    class Odd(HostTwin):
        def step(self, key, state, action):
            step = super().step(key, state, action)[1]
            return state, step._replace(observation=np.zeros((1, 2), np.float32))

    environment = Odd(ENDLESS)
    agent, key = make_agent(environment), jax.random.key(0)
    state = training.start(agent, environment, key)
    with pytest.raises(ValueError, match="broadcast"):
        list(training.train(agent, environment, key, state, [10**9]))


class Signalled(HostTwin):
    """After 50 steps it asks for a signal at some moment of the steps that follow."""

    def __init__(self, probe, seconds):
        super().__init__(probe)
        self.num_steps, self.seconds = 0, seconds

    def step(self, key, state, action):
        self.num_steps += 1
        if self.num_steps == 50:
            signal.setitimer(signal.ITIMER_REAL, self.seconds)
        no = np.zeros(1, bool)
        observation = np.zeros((1, 1), np.float32)
        return None, TimeStep(observation, np.zeros(1, np.float32), no, no, observation)


@pytest.mark.parametrize("what", ["training", "evaluation"])
def test_no_signal_is_lost_in_the_steps_of_a_host_environment(what, monkeypatch):
    """At 20 moments of the loop: the interrupt comes out, soon, once, and the handler is what it was before."""
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)

    def interrupt(number, frame):
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGALRM, interrupt)
    monkeypatch.setattr(hosted, "SIGNALS", (signal.SIGALRM,))
    environment = Signalled(ENDLESS, 0.0)
    agent, key = make_agent(environment, warmup_steps=10**8), jax.random.key(0)
    evaluate = training.evaluator(agent, environment, max_steps=10**8)
    advance = training.loop._advance(agent, training.loop.traceable(environment))
    try:
        for moment in range(20):
            environment.num_steps, environment.seconds = 0, 1e-4 + 6e-5 * moment
            state = training.start(agent, environment, key)
            with pytest.raises(KeyboardInterrupt):
                evaluate(key, state.agent) if what == "evaluation" else advance(key, 10**8, state)
            assert environment.num_steps >= 50
            assert signal.getsignal(signal.SIGALRM) is interrupt
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)
    assert not unraisable


def test_episodes_are_accounted():
    state = last_state(make_agent(ENDLESS), ENDLESS, [13])
    assert int(state.episodes.num_finished[0]) == 2
    np.testing.assert_allclose(state.episodes.last_return, [0.5], rtol=1e-6)
    np.testing.assert_allclose(state.episodes.open_return, [0.3], rtol=1e-6)


def test_optimizers_lay_out_their_groups_again_after_the_updates_they_name():
    """And a chunk that is cut there computes the same bits."""
    counts = []

    class Recording:
        def relayout_updates(self):
            return [5, 30]

        def relayout(self, group):
            counts.append(int(group.optimizer_state.inner[0].count))  # of Adam
            return group

    agent, key = make_agent(MATCHED), jax.random.key(0)
    start = training.start(agent, MATCHED, key)
    ((state, _),) = training.train(agent, MATCHED, key, start, [TOTAL], {"q": Recording()})
    assert counts == [5, 30]
    assert_same_bits(jax.tree.map(np.asarray, state), last_state(agent, MATCHED, [TOTAL]))


def test_observations_that_are_not_finite_are_noticed():
    broken = dataclasses.replace(CONSTANT, reward=lambda o, a, t: jnp.where(a >= 0, jnp.nan, 0.0))
    assert not last_state(make_agent(broken), broken, [5]).healthy
    assert last_state(make_agent(CONSTANT), CONSTANT, [5]).healthy


def test_seeds_in_one_program_match_seeds_alone():
    agent = make_agent(MATCHED)
    keys = jax.random.split(jax.random.key(7), 3)
    many, environment = training.over_seeds(agent, MATCHED)
    state = training.start(many, environment, keys)
    for state, metrics in training.train(many, environment, keys, state, [60, TOTAL]):  # noqa: B007
        assert metrics["loss"].shape == (3,)
    for i in range(3):
        start = training.start(agent, MATCHED, keys[i])
        (alone,) = (state for state, _ in training.train(agent, MATCHED, keys[i], start, [TOTAL]))
        ith = jax.tree.map(lambda x, i=i: x[i], state.agent.groups["q"].params)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-2, atol=2e-3), ith, alone.agent.groups["q"].params
        )
    assert int(state.num_steps) == TOTAL


def test_topology_updates_stay_conditional_over_seeds():
    many, environment = training.over_seeds(make_agent(MATCHED), MATCHED)
    keys = jax.random.split(jax.random.key(7), 3)
    state = jax.eval_shape(lambda k: training.start(many, environment, k), keys)
    rollout = jax.eval_shape(
        lambda s, k: jax.tree.map(lambda x: jnp.expand_dims(x, 1), _transition(many, environment, s, k)), state, keys
    )
    program = str(jax.make_jaxpr(many.update)(keys, jnp.int32(25), state.agent, rollout))
    assert program.count(" cond[") >= 3  # warm-up, topology, target


def _transition(agent, environment, state, keys):
    from sparserl.training.loop import record

    action = agent.explore(keys, jnp.int32(0), state.agent, state.observation)
    environment_state, time_step = environment.step(keys, state.environment, action)
    return record(state, environment_state, action, time_step)[1]


class TestEvaluation:
    def test_only_the_first_episode_counts(self):
        environment = dataclasses.replace(ENDLESS, num_envs=6)
        for version in (environment, HostTwin(environment)):
            agent = make_agent(version)
            evaluate = training.evaluator(agent, version, max_steps=100)
            result = evaluate(jax.random.key(0), agent.init(jax.random.key(1)))
            np.testing.assert_allclose(result.returns, np.full(6, 0.5), rtol=1e-6)
            np.testing.assert_array_equal(result.lengths, np.full(6, 5))
            assert np.asarray(result.finished).all()

    def test_a_step_cap_cuts_off(self):
        environment = dataclasses.replace(ENDLESS, num_envs=2)
        for version in (environment, HostTwin(environment)):
            agent = make_agent(version)
            result = training.evaluator(agent, version, max_steps=3)(jax.random.key(0), agent.init(jax.random.key(1)))
            np.testing.assert_array_equal(result.lengths, [3, 3])
            assert not np.asarray(result.finished).any()

    def test_stops_are_all_multiples_and_the_end(self):
        assert training.stops(10, 4) == [4, 8, 10]
        assert training.stops(12, 4, 3) == [3, 4, 6, 8, 9, 12]

    @pytest.mark.parametrize(("count", "last"), [(51, 5), (5, 1), (10, 1), (20, 2)])
    def test_final_return_is_the_mean_of_the_last_tenth(self, count, last):
        values = list(np.random.default_rng(0).normal(size=count))
        np.testing.assert_allclose(training.EvaluationSettings().final_return(values), np.mean(values[-last:]))

    @pytest.mark.parametrize(
        ("fraction", "count", "last"), [(0.29, 100, 29), (0.57, 100, 57), (0.1, 9, 1), (1.0, 3, 3)]
    )
    def test_the_last_part_is_that_of_the_fraction_as_it_was_typed(self, fraction, count, last):
        settings = training.EvaluationSettings(final_fraction=fraction)
        assert settings.final_return([0.0] * (count - last) + [1.0] * last) == 1.0
        assert settings.final_return([0.0] * (count - last - 1) + [5.0] * (last < count) + [1.0] * last) == 1.0
