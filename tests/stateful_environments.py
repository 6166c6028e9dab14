"""Environments that keep state in places of their own, for tests: `stateful_environments:Curriculum-v0` and the like.

Each gives 1 / (1 + number of episodes) as its reward, and counts the episodes elsewhere.
"""

import itertools
import random
import threading
import weakref

import gymnasium
import numpy as np
from gymnasium import spaces


class Counting(gymnasium.Env):
    """Episodes of ten steps; observations are random numbers of its own generator."""

    observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.num_steps = 0
        self.begin()
        return self.observe(), {}

    def step(self, action):
        self.num_steps += 1
        return self.observe(), 1.0 / (1 + self.count()), False, self.num_steps >= 10, {}

    def observe(self):
        return self.np_random.normal(size=3).astype(np.float32)


class Curriculum(Counting):
    """In an attribute that no reset touches."""

    num_episodes = 0

    def begin(self):
        self.num_episodes += 1

    def count(self):
        return self.num_episodes


class OfIterators(Counting):
    """In iterators that are on their way."""

    def __init__(self):
        self.numbers, self.pairs = itertools.count(), zip(range(10**6), itertools.cycle([1, 2, 3]), strict=False)
        self.begin()

    def begin(self):
        self.now = next(self.numbers) + sum(next(self.pairs)) * len(f"{random.random():.3f}") * np.random.uniform()

    def count(self):
        return self.now


class OnClass(Counting):
    """In an attribute of the class, which all environments share."""

    num_episodes = 0
    scores = []  # noqa: RUF012 - shared on purpose

    def begin(self):
        type(self).num_episodes += 1
        self.scores.append(self.num_episodes)

    def count(self):
        return self.num_episodes + len(self.scores) / 10


EPISODES = [0]


class OnModule(Counting):
    """In a variable of the module."""

    def begin(self):
        EPISODES[0] += 1

    def count(self):
        return EPISODES[0]


class Everywhere(OfIterators):
    """In all of these places."""

    def begin(self):
        super().begin()
        EPISODES[0] += 1
        OnClass.num_episodes += 1
        OnClass.scores.append(EPISODES[0])

    def count(self):
        return self.now + EPISODES[0] + OnClass.num_episodes / 10 + len(OnClass.scores) / 100


class Locked(Curriculum):
    """Holds a lock, which nobody can capture, from its making on."""

    made = closed = 0

    def __init__(self):
        self.lock = threading.Lock()
        Locked.made += 1

    def close(self):
        Locked.closed += 1


class LockedLater(Curriculum):
    """Makes its lock in a reset."""

    def begin(self):
        super().begin()
        self.lock = threading.Lock()


def _hidden():
    numbers = itertools.count()
    return lambda: next(numbers)


_next = _hidden()


class Hidden(Curriculum):
    """Counts where no capture looks: in what a function closes over."""

    def step(self, action):
        observation, _, *rest = super().step(action)
        return observation, float(_next()), *rest


def _handles():
    worths, numbers = weakref.WeakKeyDictionary(), itertools.count(1)
    return lambda environment: worths.setdefault(environment, next(numbers))


_worth = _handles()


class OfItsMaking(Curriculum):
    """Adds what was decided when it was made, behind a function, as a library behind a handle would keep it."""

    def __init__(self):
        _worth(self)

    def step(self, action):
        observation, reward, *rest = super().step(action)
        return observation, reward + _worth(self), *rest


for _kind in (Curriculum, OfIterators, OnClass, OnModule, Everywhere, Locked, LockedLater, Hidden, OfItsMaking):
    gymnasium.register(f"{_kind.__name__}-v0", _kind, disable_env_checker=True)
