"""Environments with much to remember, for tests; a new process finds them as `remembering_environments:Nested-v0`."""

import collections
import dataclasses
import enum
import random
from typing import NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.mujoco.hopper_v5 import HopperEnv
from gymnasium.wrappers import ClipReward, RescaleAction, TransformObservation


class Weather(enum.Enum):
    CALM = 0.0
    STORM = 0.5


class Place(NamedTuple):
    x: float
    y: np.float32


@dataclasses.dataclass(frozen=True)
class Cell:
    """A key with a hash of its own."""

    row: int
    column: int


@dataclasses.dataclass(slots=True)
class Walker:
    """An object of the environment's module, with slots, that shares the environment's random numbers."""

    generator: np.random.Generator
    position: np.ndarray
    visits: dict
    home: "Nested"


class Nested(gymnasium.Env):
    """Every number that it returns depends on something in another kind of attribute."""

    observation_space = spaces.Box(-np.inf, np.inf, (5,), np.float64)

    def __init__(self):
        self.action_space = spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.dice = random.Random(7)
        self.old = np.random.RandomState(3)
        self.weather = Weather.CALM
        self.lightning = frozenset({3, 7})
        self.num_episodes = np.int32(0)
        self.largest, self.huge = float("inf"), 10**40
        self.combine = np.add
        self.act = self.walk

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.num_episodes += 1
        self.room = np.asfortranarray(self.np_random.normal(size=(2, 3)))
        self.corner = self.room[1:, ::-2]  # a view: it changes with the room
        self.walker = Walker(self.np_random, self.room[:, 0], {}, self)
        self.trail = collections.deque([Place(0.0, np.float32(0))], maxlen=3)
        self.children = self.np_random.spawn(1)
        self.seen = {0}
        return self.observe(), {}

    def observe(self):
        last = self.trail[0]
        drawn = self.walker.generator.random() + self.dice.gauss(0, 1) + self.old.normal()
        counts = [float(self.num_episodes), self.weather.value]
        return np.array([self.corner.sum(), last.x + last.y + len(self.seen), drawn, *counts])

    def walk(self, action):
        walker = self.walker
        walker.position += self.combine(action, walker.home.weather.value)
        cell = Cell(*np.round(walker.position).astype(int).tolist())
        walker.visits[cell] = walker.visits.get(cell, 0) + 1
        self.trail.append(Place(float(walker.position[0]), np.float32(walker.position[1])))
        self.seen.add(int(self.children[0].integers(10)))
        return walker.visits[cell]

    def step(self, action):
        reward = self.act(action)
        if len(self.trail) in self.lightning and self.action_space.sample()[0] > 0:
            self.weather = Weather.STORM if self.weather is Weather.CALM else Weather.CALM
        self.largest = min(self.largest, self.huge, reward)
        return self.observe(), reward + self.largest, bool(abs(self.room[0, 0]) > 4), False, {}


class Slower(gymnasium.Wrapper):
    """Actions take effect a step late."""

    def __init__(self, env):
        super().__init__(env)
        self.waiting = np.zeros(2, np.float32)

    def step(self, action):
        self.waiting, action = np.array(action), self.waiting
        return super().step(action)


def nested():
    calls = [0]

    def count(observation):
        calls[0] += 1
        return observation + calls[0]

    transformed = TransformObservation(Slower(Nested()), count, None)
    return ClipReward(RescaleAction(transformed, np.float32(-1), np.float32(1)), -3, 3)


class Hooked(gymnasium.Env):
    """Has a function that nobody can capture, and says itself what it needs."""

    observation_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.total = np.zeros(2)
        self.engine = lambda action: self.total + self.np_random.normal(action)
        return self.total.astype(np.float32), {}

    def step(self, action):
        self.total = self.engine(action)
        return self.total.astype(np.float32), 0.0, False, False, {}

    def sparserl_snapshot(self):
        return {"total": self.total, "random": self.np_random.bit_generator.state}

    def sparserl_restore(self, state):
        self.reset()
        self.total, self.np_random.bit_generator.state = state["total"], state["random"]


class HeavyHopper(HopperEnv):
    """Each episode with another mass; it looks at the contacts before a step, not after."""

    def reset_model(self):
        self.model.body_mass[1] = self.np_random.uniform(3, 5)
        self.model.opt.gravity[2] = self.np_random.uniform(-10, -9)
        self.model.opt.timestep = float(self.np_random.uniform(0.001, 0.002))
        return super().reset_model()

    def step(self, action):
        touching = float(self.data.contact.dist.sum() + self.data.ncon)
        observation, reward, *rest = super().step(action)
        return observation, reward + touching, *rest


gymnasium.register("Nested-v0", nested, max_episode_steps=20)
gymnasium.register("Hooked-v0", Hooked, max_episode_steps=20)
gymnasium.register("HeavyHopper-v0", HeavyHopper, max_episode_steps=1000)
