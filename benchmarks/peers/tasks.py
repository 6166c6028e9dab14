"""The tasks in which peers are measured, and the settings that are equal for all of them.

Imported by every project's interpreter, so it imports none of them.
"""

from typing import Any, NamedTuple

EPSILON = 0.1  # constant: a random action would save the peers a forward pass
DQN: dict[str, Any] = {  # what Stable-Baselines3 and SBX call them; `ours.py` sets the same
    "learning_rate": 1e-3,
    "buffer_size": 100_000,
    "learning_starts": 1_000,
    "batch_size": 128,
    "tau": 1.0,
    "gamma": 0.99,
    "train_freq": 1,
    "gradient_steps": 1,
    "target_update_interval": 100,
    "exploration_initial_eps": EPSILON,
    "exploration_final_eps": EPSILON,
    "policy_kwargs": {"net_arch": [512, 512]},
}
PIXELS: dict[str, Any] = DQN | {
    "learning_rate": 2.5e-4,
    "buffer_size": 10_000,  # full stacks of frames, in the peers
    "batch_size": 32,
    "train_freq": 4,
    "target_update_interval": 8_000,
    "policy_kwargs": {},
}


class Task(NamedTuple):
    """What is trained; `settings` are those of the peers, empty for their defaults (our preset `sb3`).

    first_update_steps: steps after which the first gradient update is done, warm-up included. settle_steps: where
    compilation is over and the rate is steady. mark_steps: how often the clock is read.
    """

    algorithm: str
    environment: str
    settings: dict[str, Any]
    first_update_steps: int
    settle_steps: int
    mark_steps: int
    needs: str  # a package beside the projects themselves


TASKS = {
    "dqn": Task("dqn", "CartPole-v1", DQN, 1_001, 2_000, 100, "gymnasium"),
    "sac": Task("sac", "HalfCheetah-v5", {}, 101, 400, 50, "mujoco"),
    "ppo": Task("ppo", "HalfCheetah-v5", {}, 2_048, 3 * 2_048, 2_048, "mujoco"),
    "pixels": Task("dqn", "atari:Pong", PIXELS, 1_004, 1_100, 20, "ale-py"),
}
ATARI_WRAPPERS = {  # what ours does by itself
    "noop_max": 0,
    "frame_skip": 4,
    "screen_size": 84,
    "terminal_on_life_loss": False,
    "clip_reward": True,
    "action_repeat_probability": 0.25,
}
