"""Train Stable-Baselines3's DQN at the settings of one of our presets, and write its evaluations as Parquet.

Runs in a virtual environment of its own (`stable-baselines3`, `pyarrow`), never in ours: see README.md here.
Equal to our preset: network 2 x 512 ReLU, Adam 1e-3, batch 128, replay 100,000, 1,000 random steps, target copy every
100 updates, discount 0.99, squared TD error, no gradient clip, L2 in Adam, exploration, 20 evaluation episodes
every 2,000 steps. Different: the initialisers are PyTorch's, and L2 covers every parameter.
"""

import argparse
import os

import gymnasium
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import torch.nn.functional as functional
from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv
from stable_baselines3.dqn import dqn as module

module.F.smooth_l1_loss = functional.mse_loss  # the paper's loss is the squared TD error; SB3 has Huber hard-coded

EXPLORATION = {  # initial, final, decay steps, evaluation epsilon
    "paper": (1.0, 0.1, 25_000, 0.1),
    "published-code": (0.01, 0.01, 1, 0.0),
}


class Evaluation(BaseCallback):
    """20 episodes side by side at step 0 and every `interval` steps."""

    def __init__(self, environment_id, epsilon, interval, seed):
        super().__init__()
        self.interval, self.epsilon, self.seed, self.rows = interval, epsilon, seed, []
        self.environment = DummyVecEnv([lambda: gymnasium.make(environment_id)] * 20)
        self.random = np.random.default_rng(seed)

    def evaluate(self, num_steps):
        self.environment.seed(10_000 * (self.seed + 1) + num_steps)
        observation = self.environment.reset()
        returns, done = np.zeros(20), np.zeros(20, bool)
        while not done.all():
            action, _ = self.model.predict(observation, deterministic=True)
            explore = self.random.random(20) < self.epsilon
            action = np.where(explore, self.random.integers(self.environment.action_space.n, size=20), action)
            observation, reward, finished, _ = self.environment.step(action)
            returns += reward * ~done
            done |= finished
        self.rows.append({"environment_steps": num_steps, "mean_return": returns.mean(), "num_episodes": 20})

    def _on_training_start(self):
        self.evaluate(0)

    def _on_step(self):
        if self.num_timesteps % self.interval == 0:
            self.evaluate(self.num_timesteps)
        return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("environment")
    parser.add_argument("preset", choices=EXPLORATION)
    parser.add_argument("seed", type=int)
    parser.add_argument("output")
    parser.add_argument("--total-steps", type=int, default=100_000)
    options = parser.parse_args()
    if os.path.exists(options.output):
        return
    torch.set_num_threads(1)
    initial, final, decay_steps, evaluation_epsilon = EXPLORATION[options.preset]
    model = DQN(
        "MlpPolicy",
        gymnasium.make(options.environment),
        learning_rate=1e-3,
        buffer_size=100_000,
        learning_starts=1_000,
        batch_size=128,
        tau=1.0,
        gamma=0.99,
        train_freq=1,
        gradient_steps=1,
        target_update_interval=100,
        exploration_initial_eps=initial,
        exploration_final_eps=final,
        exploration_fraction=decay_steps / options.total_steps,
        max_grad_norm=1e9,
        seed=options.seed,
        device="cpu",
        policy_kwargs={
            "net_arch": [512, 512],
            "optimizer_class": torch.optim.Adam,
            "optimizer_kwargs": {"eps": 1e-7, "weight_decay": 2e-6, "fused": True},  # the same Adam, sooner
        },
    )
    evaluation = Evaluation(options.environment, evaluation_epsilon, 2_000, options.seed)
    model.learn(options.total_steps, callback=evaluation)
    rows = [
        {
            "agent": "stable-baselines3",
            "environment": options.environment,
            "preset": options.preset,
            "seed": options.seed,
            **row,
        }
        for row in evaluation.rows
    ]
    partial = options.output + ".partial"
    pq.write_table(pa.Table.from_pylist(rows), partial, write_page_checksum=True)
    os.replace(partial, options.output)


if __name__ == "__main__":
    main()
