"""Environments that go wrong on the way, for tests; workers find them as `broken_environments:Raises-v0`."""

import ctypes
import os
import sys

import gymnasium
import numpy as np

OWN = "pytest" not in sys.modules  # whether the process is not that of the tests, which may not be ended
GOOD_STEPS = 250  # before it goes wrong; evaluations count as well, each environment for itself


class Broken(gymnasium.Env):
    """Ten-step episodes of ones; after GOOD_STEPS steps it raises, or its observation is NaN."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, how):
        self.how, self.num_steps = how, 0
        if how == "ends when made" and OWN:
            os._exit(3)  # where a run would have diverged

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if self.how == "ends in a reset" and OWN:
            os._exit(0)
        if self.how == "hangs in C" and OWN:
            ctypes.PyDLL(None).sleep(3600)  # it does not give other threads their turn
        return np.ones(3, np.float32), {}

    def step(self, action):
        self.num_steps += 1
        observation = np.ones(3, np.float32)
        if self.num_steps > GOOD_STEPS:
            if self.how == "raises":
                raise ValueError("the arm fell off")
            observation[1] = np.nan
        return observation, 1.0, False, self.num_steps % 10 == 0, {}


_HOW = {
    "Raises-v0": "raises",
    "NotANumber-v0": "nan",
    "EndsWhenMade-v0": "ends when made",
    "EndsInAReset-v0": "ends in a reset",
    "HangsInC-v0": "hangs in C",
}
for _name, _how in _HOW.items():
    gymnasium.register(_name, Broken, kwargs={"how": _how}, disable_env_checker=True, order_enforce=False)


class Forgetful(Broken):
    """What it holds cannot be captured: a generator that is on its way."""

    def __init__(self, how):
        super().__init__(how)
        self.episodes = (number for number in range(10**9))

    def step(self, action):
        next(self.episodes)
        return np.ones(3, np.float32), 1.0, False, next(self.episodes) % 20 == 1, {}


gymnasium.register("Forgetful-v0", Forgetful, kwargs={"how": "is well"}, disable_env_checker=True, order_enforce=False)
