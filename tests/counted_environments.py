"""Environments that count how many of them are made and closed, and talk on standard output in every way that there is.

What becomes of them is a line in the file that COUNTED_LIVES names, if it names one: several processes may make some.
"""

import atexit
import ctypes
import os
import subprocess
import threading
import time
import warnings

import gymnasium
import numpy as np

LIVES = "COUNTED_LIVES"
C = ctypes.CDLL(None)
lives = []  # of this process, as (what, name)


def talk(where):
    """Print on standard output, in Python and around it."""
    print(f"python at {where}")
    print(f"bar at {where}", end="\r")
    os.write(1, f"descriptor at {where}\n".encode())
    C.puts(f"c at {where}".encode())


def note(what, name):
    lives.append((what, name))
    if os.environ.get(LIVES):
        with open(os.environ[LIVES], "a") as file:
            file.write(f"{what} {os.getpid()}\n")


class Counted(gymnasium.Env):
    """Episodes of ten steps, rewarded by a number drawn in the reset, and what its name says."""

    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, name="Counted", talks=False):
        self.name, self.talks, self.num_steps = name, talks, 0
        if name == "Fails" and any(what == "made" for what, _ in lives):
            raise ValueError("only one of them can listen on the port")
        if name == "Refused":
            self.observation_space = gymnasium.spaces.Dict(a=gymnasium.spaces.Discrete(2))
        note("made", name)
        self.say("construction")
        if talks:
            subprocess.run(["echo", "program at construction"], check=True)
            thread = threading.Thread(target=talk, args=("thread",))
            thread.start()
            thread.join()

    def say(self, where):
        if self.talks:
            talk(where)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.say("reset")
        self.num_steps, self.worth = 0, float(self.np_random.random())
        return np.full(3, self.worth, np.float32), {}

    def step(self, action):
        self.say("step")
        self.num_steps += 1
        if self.name == "Breaks":
            raise ValueError("the arm fell off")
        seen = np.full(3, self.worth * np.float32(0.9) ** self.num_steps, np.float32)
        return seen, self.worth + action, False, self.num_steps == 10, {}

    def close(self):
        note("closed", self.name)
        self.say("close")
        if self.name == "CloseRaises":
            raise OSError("nobody listens there any more")
        if self.name == "CloseExits":
            raise SystemExit(3)
        while self.name == "CloseHangs":
            time.sleep(0.01)


for _name in ("Counted", "Fails", "Refused", "Breaks", "CloseRaises", "CloseExits", "CloseHangs"):
    gymnasium.register(f"{_name}-v0", Counted, kwargs={"name": _name}, disable_env_checker=True)
gymnasium.register("Talks-v0", Counted, kwargs={"talks": True}, disable_env_checker=True)

if os.environ.get(LIVES):  # in a process of its own
    talk("import")
    atexit.register(talk, "exit")
    warnings.warn("warned at import", stacklevel=1)
