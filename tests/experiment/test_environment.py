"""What is seen of an environment before it is trained: whether seeds decide all of its randomness."""

import itertools
import os
import random

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from sparserl.experiment import environment, facts, from_preset, unseeded, unseeded_in

COUNT = itertools.count()


class Shown(gymnasium.Env):
    """Shows one number at its reset or in its steps, of a source that the test chooses."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self, draw, at_reset=True):
        self.draw, self.at_reset, self.num_episodes = draw, at_reset, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.num_episodes += 1
        return np.array([0.0, self.draw(self) if self.at_reset else 0.0]), {}

    def step(self, action):
        return np.zeros(2), 0.0 if self.at_reset else float(self.draw(self)), True, False, {}


SOURCES = {
    "its own generator": lambda self: self.np_random.random(),
    "NumPy's": lambda self: np.random.random(),
    "Python's": lambda self: random.random(),
    "none": lambda self: 0.5,
    "the system's": lambda self: int.from_bytes(os.urandom(2), "big"),
    "an unseeded one": lambda self: np.random.default_rng().random(),
    "a count of all resets": lambda self: next(COUNT),
}


@pytest.fixture
def experiment_with():
    environment._shown.clear()
    environment._looked.clear()

    def made(*how):
        gymnasium.register("Shown-v0", entry_point=lambda: Shown(*how))
        return from_preset("dqn", "static", "Shown-v0", storage="masked")

    yield made
    del gymnasium.registry["Shown-v0"]
    environment._shown.clear()
    environment._looked.clear()


@pytest.mark.parametrize("source", SOURCES)
def test_randomness_that_no_seed_reaches_is_told_and_marked(source, experiment_with):
    experiment = experiment_with(SOURCES[source])
    seeded = source in ("its own generator", "NumPy's", "Python's", "none")
    assert (unseeded(experiment) is None) == seeded
    assert facts(experiment)["facts"]["randomness"] == ("seeded" if seeded else "unseeded")
    if not seeded:
        (line,) = unseeded_in([experiment, experiment])
        assert line.startswith("environment 'Shown-v0' differs between two resets with the same seed: after one ")
        assert " at [1], after the next " in line
        assert "\n" not in line


@pytest.mark.parametrize("source", SOURCES)
def test_randomness_of_steps_is_told_and_marked_as_that_of_resets_is(source, experiment_with):
    experiment = experiment_with(SOURCES[source], False)
    seeded = source in ("its own generator", "NumPy's", "Python's", "none")
    assert facts(experiment)["facts"]["randomness"] == ("seeded" if seeded else "unseeded")
    if not seeded:
        assert ": in step 1 after one reset its reward had " in str(unseeded(experiment))


def test_what_an_environment_carries_over_is_no_randomness(experiment_with):
    """A curriculum that hardens by the episode repeats itself in every environment that is made."""
    assert unseeded(experiment_with(lambda self: self.num_episodes, False)) is None


def broken(self):
    raise RuntimeError("no display")


def ending(self):
    raise SystemExit(0)


@pytest.mark.parametrize("draw", [broken, ending])
def test_a_reset_that_fails_is_told_by_the_training(draw, experiment_with):
    assert unseeded(experiment_with(draw)) is None
