"""Many episodes in few environments: each is what it would be with an environment of its own, bit for bit."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparserl import environments, training
from sparserl.environments import MOST_AT_ONCE, HostEnvironment, InTurns
from sparserl.environments.turns import num_at_once
from sparserl.experiment import under_noise


class Torque:
    """A policy whose actions depend on what each place sees, and on random numbers for all places together."""

    def exploit(self, key, state, observation):
        return jnp.tanh(observation @ state)[:, :1] + jax.random.normal(key, (len(observation), 1))


class Push:
    """A policy for two actions that falls over soon, in each place at another step."""

    def exploit(self, key, state, observation):
        return (observation @ state > jax.random.normal(key, (len(observation), 3)))[:, 0].astype(jnp.int32)


def bits(evaluations):
    return [np.asarray(part).tobytes() for evaluation in evaluations for part in evaluation]


def in_both(environment, num_episodes, play):
    """What `play` makes of an environment for every episode, and of fewer that take turns."""
    for kind in (HostEnvironment, InTurns):
        made = kind(environment, num_episodes)
        yield bits(play(made))
        environments.close(made)


def test_the_number_of_environments_is_bounded_and_each_turn_is_needed():
    for num_episodes in range(1, 100):
        at_once = num_at_once(num_episodes)
        assert at_once <= MOST_AT_ONCE
        num_turns = -(-num_episodes // at_once)
        assert num_turns == -(-num_episodes // MOST_AT_ONCE)  # no more turns than with the most at once
        assert (at_once - 1) * num_turns < num_episodes  # and one environment fewer would not do


def test_every_place_has_one_turn():
    taken = InTurns("CartPole-v1", 23)
    places = np.arange(23)
    assert np.concatenate([places[turn] for turn in taken.turns()]).tolist() == places.tolist()
    taken.close()


def test_episodes_of_continuous_actions_are_those_of_environments_of_their_own():
    play = lambda made: [training.evaluator(Torque(), made, 60)(jax.random.key(3), jnp.eye(3))]
    alone, in_turns = in_both("Pendulum-v1", 23, play)
    assert alone == in_turns
    assert len(set(np.frombuffer(alone[0]).tolist())) == 23


@pytest.mark.slow
def test_episodes_under_noise_are_those_of_environments_of_their_own():
    """Episodes end at different steps, several in each place, and the unit of noise is a statistic over all."""
    settings = dataclasses.replace(training.EvaluationSettings(), max_episode_steps=40, min_steps=400)
    weights = jax.random.normal(jax.random.key(5), (8, 3))  # four features of CartPole's, and as many fake ones

    def play(made):
        seen = environments.FakeFeatures(made, 0.5)
        return list(under_noise(Push(), weights, seen, settings, jax.random.key(3), (0.0, 0.4)))

    alone, in_turns = in_both("CartPole-v1", 12, play)
    assert alone == in_turns
    assert alone[0] != alone[3]  # noise changes returns
