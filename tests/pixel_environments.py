"""A game of pixels for tests: a light that moves; `pixel_environments:Light-v0`."""

import gymnasium
import numpy as np


class Light(gymnasium.Env):
    """Twelve by twelve pixels, two frames, oldest first; the reward is 1 for a step to the left at an even place."""

    observation_space = gymnasium.spaces.Box(0, 255, (12, 12, 2), np.uint8)
    action_space = gymnasium.spaces.Discrete(3)

    def __init__(self):
        self.num_steps = 0
        self.frames = np.zeros((12, 12, 2), np.uint8)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.num_steps, self.frames = 0, np.zeros((12, 12, 2), np.uint8)
        return self._seen(), {}

    def step(self, action):
        self.num_steps += 1
        return self._seen(), float(action == 0 and self.num_steps % 2 == 0), False, self.num_steps == 20, {}

    def _seen(self):
        frame = np.zeros((12, 12), np.uint8)
        frame[self.num_steps % 12, self.num_steps // 12] = 255
        self.frames = np.stack([self.frames[..., 1], frame], axis=-1)
        return self.frames


gymnasium.register("Light-v0", Light, disable_env_checker=True, order_enforce=False)
