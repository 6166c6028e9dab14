"""Evaluation by steps: whole episodes in turn until each environment has its share, beside a naive player."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from probes import ENDLESS, HostTwin, Probe, zero
from sparserl import training
from sparserl.training import EvaluationSettings
from sparserl.types import TimeStep, UserError

pytestmark = pytest.mark.slow

LENGTHS = dataclasses.replace(ENDLESS, num_envs=3)


@dataclasses.dataclass(frozen=True)
class Idle:
    """A policy that always does the same."""

    def exploit(self, key, state, observation):
        return jnp.zeros(observation.shape[:-1], jnp.int32)


@dataclasses.dataclass(frozen=True)
class Chance:
    """Episodes that end by chance, one step in five, with random rewards."""

    num_envs: int = 3
    compiled: bool = True
    spec = ENDLESS.spec

    def reset(self, key):
        return (), jnp.zeros((self.num_envs, 1))

    def step(self, key, state, action):
        of_end, of_reward = jax.random.split(key)
        ended = jax.random.bernoulli(of_end, 0.2, (self.num_envs,))
        reward = jax.random.normal(of_reward, (self.num_envs,))
        seen = jnp.zeros((self.num_envs, 1))
        return (), TimeStep(seen, reward, ended, jnp.zeros_like(ended), seen)


def naive(environment, key, max_steps, min_steps):
    """Episodes `(return, length, finished)` of each environment, by Python's lists."""
    share = -(-min_steps // environment.num_envs)
    episodes, open_ones = [[] for _ in range(environment.num_envs)], [[] for _ in range(environment.num_envs)]
    going = [True] * environment.num_envs
    for time in range(10_000):
        if not any(going):
            return episodes
        step_key = training.step_keys(key, jnp.int32(time)).environment
        time_step = environment.step(step_key, (), None)[1]
        for i in range(environment.num_envs):
            if going[i]:
                open_ones[i].append(float(time_step.reward[i]))
                ended = bool(time_step.terminated[i])
                if ended or len(open_ones[i]) == max_steps:
                    episodes[i].append((sum(open_ones[i]), len(open_ones[i]), ended))
                    open_ones[i] = []
                    going[i] = ended and sum(length for _, length, _ in episodes[i]) < share
    raise AssertionError("never ends")


@pytest.mark.parametrize(("max_steps", "min_steps"), [(100, 60), (100, 61), (4, 60), (100, 1)])
def test_whole_episodes_until_the_share_is_made(max_steps, min_steps):
    environment, key = Chance(), jax.random.key(7)
    expected = [episode for own in naive(environment, key, max_steps, min_steps) for episode in own]
    found = training.evaluator(Idle(), environment, max_steps, min_steps)(key, None)
    np.testing.assert_allclose(found.returns, [value for value, _, _ in expected], rtol=1e-5)
    np.testing.assert_array_equal(found.lengths, [length for _, length, _ in expected])
    np.testing.assert_array_equal(found.finished, [finished for _, _, finished in expected])
    if max_steps == 100:
        assert found.lengths.sum() >= min_steps


def test_seeds_side_by_side_play_what_each_would_alone():
    agent, environment = training.over_seeds(Idle(), Chance())
    keys = jax.random.split(jax.random.key(5), 5)
    both = training.evaluator(agent, environment, 100, 60)(keys, None)
    alone = training.evaluator(Idle(), Chance(), 100, 60)
    counts = set()
    for lane in range(5):
        of_lane = jax.tree.map(lambda part, lane=lane: part[lane], both).played()
        for one, two in zip(of_lane, alone(keys[lane], None), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-6)
        counts.add(len(of_lane.returns))
    assert len(counts) > 1, "these seeds play different numbers of episodes"


def test_host_environments_play_the_same():
    for min_steps, count in ((10, 2), (11, 3), (0, 1)):
        for version in (LENGTHS, HostTwin(LENGTHS)):
            found = training.evaluator(Idle(), version, 100, 3 * min_steps)(jax.random.key(0), None)
            np.testing.assert_array_equal(found.lengths, [5] * 3 * count)
            np.testing.assert_allclose(found.returns, [0.5] * 3 * count, rtol=1e-6)


def test_a_host_environment_that_breaks_ends_an_evaluation_by_steps():
    class Broken(HostTwin):
        def step(self, key, state, action):
            if self.time[0] == 3:
                raise UserError("broken at step 3")
            self.num_steps = getattr(self, "num_steps", 0) + 1
            return super().step(key, state, action)

    environment = Broken(LENGTHS)
    with pytest.raises(UserError, match="broken at step 3"):
        training.evaluator(Idle(), environment, 10**6, 10**6)(jax.random.key(0), None)
    assert environment.num_steps == 3


def test_returns_that_are_not_finite_end_an_evaluation_by_steps():
    wild = Probe(zero, lambda o, t: o, lambda o, a, t: jnp.inf, length=5, num_envs=2)
    found = training.evaluator(Idle(), wild, 100, 100)(jax.random.key(0), None)
    np.testing.assert_array_equal(found.lengths, [1, 1])
    assert np.isinf(found.returns).all()


def test_steps_must_not_be_negative():
    with pytest.raises(UserError, match=r"^min_steps is -1: it must not be negative"):
        EvaluationSettings(min_steps=-1)
