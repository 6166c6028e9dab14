"""Environments of a host that can be drawn, or cannot, each in its own way."""

import os

import gymnasium
import numpy as np


class Shown(gymnasium.Env):
    """Episodes of 4 steps; the picture is as grey as the step's number says. `how` it fails to be drawn."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 7}  # noqa: RUF012
    observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode=None, how=""):
        self.render_mode, self.how, self.num_steps = render_mode, how, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.num_steps = 0
        return self.np_random.uniform(-1, 1, 3).astype(np.float32), {}

    def step(self, action):
        self.num_steps += 1
        return np.full(3, self.num_steps / 10, np.float32), 1.0, self.num_steps == 4, False, {}

    def render(self):
        if self.how == "abort":
            os.abort()
        if self.how == "package":
            raise ModuleNotFoundError("No module named 'a_library_of_windows'")
        return None if self.how == "nothing" else np.full((5, 7, 3), self.num_steps, np.uint8)


class Windowed(Shown):
    metadata = {"render_modes": ["human", "ansi"]}  # noqa: RUF012


class Bare(Shown):
    metadata = {}  # noqa: RUF012

    def __init__(self):
        Shown.__init__(self)


gymnasium.register("Windowed-v0", Windowed)
gymnasium.register("Bare-v0", Bare)
for how in ("", "Abort", "Package", "Nothing"):
    gymnasium.register(f"Pictured{how}-v0", Shown, kwargs={"how": how.lower()})
