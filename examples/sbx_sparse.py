"""SBX's SAC, DQN and PPO, trained sparse through `policy_kwargs`: no line of SBX is touched.

    python examples/sbx_sparse.py sac HalfCheetah-v5 --method rigl --sparsity 0.9 --seed 0 --steps 100000 --output runs

SBX (Stable-Baselines3 in JAX) takes the optimizer of its networks as a function of the learning rate, so
`sparserl.sparsify` goes in there: `sparse_adam` below is all that there is to it. What follows measures: every 5,000
steps the policy is evaluated on 10 episodes, and a row is added to `OUTPUT/ALGORITHM-ENVIRONMENT-METHOD-SEED.csv`. A
run whose rows are all there is not run again; one that was killed is run anew. The trained model is saved beside them.

Two things SBX leaves to whoever is outside: `born_sparse` masks networks before the first update does, and
`MaskedTargets` takes dead weights out of targets (`--born-sparse`, `--mask-targets`). docs/how-to/sparse-sbx.md says
when they matter.

Needs: `pip install sparserl "sbx-rl>=0.28" "gymnasium[mujoco]" "mujoco==3.5.*"` (SBX brings PyTorch). Takes, on one
core: CartPole about a minute; HalfCheetah with 100,000 steps about a quarter of an hour.
"""

import argparse
import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import jax
import numpy as np
import optax
import sbx
from flax.traverse_util import flatten_dict
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv

import sparserl
from sparserl.errors import UserError

ALGORITHMS = {"sac": sbx.SAC, "dqn": sbx.DQN, "ppo": sbx.PPO}
# SAC and PPO at SBX's defaults, named where updates are counted by them; DQN as it learns the small tasks of Gymnasium.
SETTINGS: dict[str, dict[str, Any]] = {
    "sac": {"learning_starts": 100, "train_freq": 1, "gradient_steps": 1},
    "dqn": {
        "learning_starts": 1_000,
        "train_freq": 4,
        "gradient_steps": 2,
        "learning_rate": 1e-3,
        "batch_size": 64,
        "target_update_interval": 500,
    },
    "ppo": {"n_steps": 2_048, "batch_size": 64, "n_epochs": 10},
}
FIELDS = {"actor": "actor_state", "critic": "qf_state", "value": "vf_state"}  # where SBX's policies keep networks
EPSILON = {"sac": 1e-8, "dqn": 1e-8, "ppo": 1e-5}  # as SBX calls optax.adam itself


def sparse_adam(
    method: str, sparsity: float, total_updates: int, eps: float = 1e-8, **choices: Any
) -> Callable[..., optax.GradientTransformationExtraArgs]:
    """What SBX is to make of a learning rate: Adam inside of `sparsify`, whose other choices may follow.

    SBX gives the learning rate to the compiled update, and would do so with every number that the function takes. What
    must be known before, the sparsity and the number of updates, comes from around it.
    """

    def optimizer_class(learning_rate: Any) -> optax.GradientTransformationExtraArgs:
        adam = optax.adam(learning_rate, eps=eps)
        return sparserl.sparsify(adam, method, sparsity=sparsity, total_updates=total_updates, **choices)

    return optimizer_class


def total_updates(algorithm: str, num_steps: int) -> int:
    """How many updates each network gets in so many steps of one environment."""
    of = SETTINGS[algorithm]
    if algorithm == "ppo":
        return -(-num_steps // of["n_steps"]) * of["n_epochs"] * -(-of["n_steps"] // of["batch_size"])
    num_rollouts = -(-num_steps // of["train_freq"]) - of["learning_starts"] // of["train_freq"]
    return num_rollouts * of["gradient_steps"]


def make(
    algorithm: str, environment: Any, method: str, sparsity: float, num_steps: int, seed: int, **settings: Any
) -> Any:
    """A model of SBX, as it comes where the method is dense."""
    adam = sparse_adam(method, sparsity, total_updates(algorithm, num_steps), EPSILON[algorithm])
    policy_kwargs = None if method == "dense" else {"optimizer_class": adam}
    return ALGORITHMS[algorithm](
        "MlpPolicy", environment, seed=seed, policy_kwargs=policy_kwargs, **SETTINGS[algorithm] | settings
    )


def train_states(model: Any) -> dict[str, Any]:
    """The networks that SBX trains by this optimizer, by name; each is a flax TrainState."""
    return {name: getattr(model.policy, field) for name, field in FIELDS.items() if hasattr(model.policy, field)}


def born_sparse(model: Any) -> None:
    """Masks the networks of a new model, which the first update would do."""
    for name, state in train_states(model).items():
        born = state.replace(params=sparserl.born_sparse(state.params, state))
        if hasattr(state, "target_params"):
            born = born.replace(target_params=sparserl.masked_average(state.target_params, state.params, 1, state))
        setattr(model.policy, FIELDS[name], born)


@jax.jit
def live_target(state: Any) -> Any:
    """The target of a TrainState, with nothing where the network is dead."""
    return sparserl.masked_average(state.target_params, state.params, 0.0, state)


class MaskedTargets(BaseCallback):
    """Lays targets onto the present topology before each rollout, so after each of SBX's calls of `train`."""

    def _on_rollout_start(self) -> None:
        for name, state in train_states(self.model).items():
            if hasattr(state, "target_params"):
                setattr(self.model.policy, FIELDS[name], state.replace(target_params=live_target(state)))

    def _on_step(self) -> bool:
        return True


def kernels(params: Any) -> list[jax.Array]:
    """The weights without biases and norms."""
    return [leaf for path, leaf in flatten_dict(params).items() if path[-1] == "kernel"]


def measured(name: str, state: Any, method: str) -> dict[str, float]:
    """A network's kernels: how many weights, how many not zero, and how much of its target's norm is in dead ones."""
    row = {
        f"{name}_updates": int(state.step),
        f"{name}_weights": sum(kernel.size for kernel in kernels(state.params)),
        f"{name}_nonzero": sum(int((kernel != 0).sum()) for kernel in kernels(state.params)),
    }
    if method != "dense" and hasattr(state, "target_params"):
        live = live_target(state)
        dead = optax.tree.sub(state.target_params, live)
        row[f"{name}_target_dead"] = float(optax.tree.norm(kernels(dead)) / optax.tree.norm(kernels(live)))
    return row


class Evaluation(BaseCallback):
    """Ten episodes with the mean, or greedy, action at step 0 and then every interval; a row of a table for each."""

    def __init__(self, about: dict[str, Any], path: Path, interval: int, num_episodes: int) -> None:
        super().__init__()
        self.about, self.path, self.interval, self.num_episodes = about, path, interval, num_episodes
        self.environment = DummyVecEnv([lambda: gymnasium.make(about["environment"])] * num_episodes)

    def returns(self) -> np.ndarray:
        """Of the first episode of each environment, whose initial states are this step's own."""
        self.environment.seed(10_000 * (self.about["seed"] + 1) + self.num_timesteps)
        observation = self.environment.reset()
        returns, done = np.zeros(self.num_episodes), np.zeros(self.num_episodes, bool)
        while not done.all():
            action, _ = self.model.predict(observation, deterministic=True)
            observation, reward, ended, _ = self.environment.step(action)
            returns += reward * ~done
            done |= ended
        return returns

    def evaluate(self) -> None:
        """Adds a row to the table."""
        row = {**self.about, "environment_steps": self.num_timesteps, "mean_return": self.returns().mean()}
        for name, state in train_states(self.model).items():
            row |= measured(name, state, self.about["method"])
        new = not self.path.exists()
        with self.path.open("a", newline="") as file:
            table = csv.DictWriter(file, list(row))
            if new:
                table.writeheader()
            table.writerow(row)
        print(f"{self.path.stem}: {self.num_timesteps:,} steps, mean return {row['mean_return']:,.1f}", flush=True)

    def _on_training_start(self) -> None:
        self.evaluate()

    def _on_step(self) -> bool:
        if self.num_timesteps % self.interval == 0:
            self.evaluate()
        return True

    def _on_training_end(self) -> None:
        if self.num_timesteps % self.interval:
            self.evaluate()


def check(model: Any) -> None:
    """Prints what is alive, and raises unless all that is dead is zero in what SBX acts with and saves."""
    for name, state in train_states(model).items():
        print(name, sparserl.summary(state), sep=": ")
        masked = sparserl.born_sparse(state.params, state)  # the same, where nothing dead has a value
        assert all(map(np.array_equal, jax.tree.leaves(masked), jax.tree.leaves(state.params))), name


def finished(path: Path, num_steps: int) -> bool:
    """Whether a table has its last row."""
    if not path.exists():
        return False
    rows = list(csv.DictReader(path.read_text().splitlines()))
    return bool(rows) and int(rows[-1]["environment_steps"]) >= num_steps


def main(words: list[str] | None = None) -> None:
    """Trains one model, unless it is trained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("algorithm", choices=ALGORITHMS)
    parser.add_argument("environment")
    parser.add_argument("--method", default="rigl", help="a name of `sparserl methods`")
    parser.add_argument("--sparsity", type=float, default=0.9, help="of all weights of kernels, for each network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=100_000, help="of the environment, a multiple of the interval")
    parser.add_argument("--interval", type=int, default=5_000, help="steps between evaluations")
    parser.add_argument("--episodes", type=int, default=10, help="of an evaluation")
    parser.add_argument("--born-sparse", action="store_true", help="mask the networks before the first update")
    parser.add_argument("--mask-targets", action="store_true", help="take dead weights out of targets")
    parser.add_argument("--output", type=Path, default=Path("runs"))
    of = parser.parse_args(words)
    sparsity = 0.0 if of.method == "dense" else of.sparsity
    path = of.output / f"{of.algorithm}-{of.environment}-{of.method}-{of.seed}.csv"
    if finished(path, of.steps):
        return print(f"{path} is there")
    os.makedirs(of.output, exist_ok=True)
    try:
        model = make(of.algorithm, of.environment, of.method, sparsity, of.steps, of.seed)
    except (UserError, gymnasium.error.Error) as error:
        parser.exit(2, f"sbx_sparse: {error}\n")
    path.unlink(missing_ok=True)
    named = {"algorithm": of.algorithm, "environment": of.environment, "method": of.method}
    about = {**named, "sparsity": sparsity, "seed": of.seed, "num_episodes": of.episodes}
    callbacks: list[BaseCallback] = [Evaluation(about, path, of.interval, of.episodes)]
    if of.method != "dense" and of.born_sparse:
        born_sparse(model)
    if of.method != "dense" and of.mask_targets:
        callbacks.append(MaskedTargets())
    model.learn(of.steps, callback=callbacks)
    model.save(path.with_suffix(".zip"))
    if of.method != "dense":
        check(model)


if __name__ == "__main__":
    main()
