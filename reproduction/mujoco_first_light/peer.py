"""Train a peer at its defaults, which our preset `sb3` copies, and write its evaluations as Parquet.

`peer.py sac|ppo ENVIRONMENT SEED OUTPUT`. SAC is SBX's (Stable-Baselines3's algorithm and defaults in JAX), PPO is
Stable-Baselines3's own. Runs in a virtual environment of its own, never in ours: see README.md here. A run whose
output exists is not run again.
"""

import argparse
import os

import gymnasium
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv

PROTOCOLS = {"sac": (100_000, 10_000, 30), "ppo": (500_000, 20_000, 20)}  # steps, evaluation interval, episodes


class Evaluation(BaseCallback):
    """Episodes side by side with the mean action at step 0 and where each multiple of the interval is first passed.

    PPO is evaluated where its policy changes, at the ends of rollouts, as ours is.
    """

    def __init__(self, environment_id, num_episodes, interval, seed, at_rollouts):
        super().__init__()
        self.interval, self.num_episodes, self.seed, self.rows = interval, num_episodes, seed, []
        self.at_rollouts, self.evaluated = at_rollouts, 0
        self.environment = DummyVecEnv([lambda: gymnasium.make(environment_id)] * num_episodes)

    def evaluate(self, num_steps):
        self.environment.seed(10_000 * (self.seed + 1) + num_steps)
        observation = self.environment.reset()
        returns, done = np.zeros(self.num_episodes), np.zeros(self.num_episodes, bool)
        while not done.all():
            action, _ = self.model.predict(observation, deterministic=True)
            observation, reward, finished, _ = self.environment.step(action)
            returns += reward * ~done
            done |= finished
        row = {"environment_steps": num_steps, "mean_return": returns.mean(), "num_episodes": self.num_episodes}
        self.rows.append(row)
        print(row, flush=True)

    def due(self):
        if self.num_timesteps // self.interval > self.evaluated:
            self.evaluated = self.num_timesteps // self.interval
            self.evaluate(self.num_timesteps)

    def _on_training_start(self):
        self.evaluate(0)

    def _on_rollout_start(self):  # of the next rollout: the policy has learned from the last one
        if self.at_rollouts:
            self.due()

    def _on_step(self):
        if not self.at_rollouts:
            self.due()
        return True

    def _on_training_end(self):
        if self.rows[-1]["environment_steps"] < self.num_timesteps:
            self.evaluate(self.num_timesteps)


def make(agent, environment, seed):
    if agent == "sac":
        import sbx

        return sbx.SAC("MlpPolicy", environment, seed=seed), f"sbx {sbx.__version__}"
    import stable_baselines3
    import torch

    torch.set_num_threads(1)
    model = stable_baselines3.PPO("MlpPolicy", environment, seed=seed, device="cpu")
    return model, f"stable-baselines3 {stable_baselines3.__version__}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("agent", choices=PROTOCOLS)
    parser.add_argument("environment")
    parser.add_argument("seed", type=int)
    parser.add_argument("output")
    options = parser.parse_args()
    if os.path.exists(options.output):
        return
    total, interval, num_episodes = PROTOCOLS[options.agent]
    model, peer = make(options.agent, gymnasium.make(options.environment), options.seed)
    on_policy = options.agent == "ppo"
    evaluation = Evaluation(options.environment, num_episodes, interval, options.seed, on_policy)
    model.learn(total, callback=evaluation)
    about = {"agent": options.agent, "peer": peer, "environment": options.environment, "seed": options.seed}
    partial = options.output + ".partial"
    pq.write_table(pa.Table.from_pylist([{**about, **row} for row in evaluation.rows]), partial)
    os.replace(partial, options.output)


if __name__ == "__main__":
    main()
