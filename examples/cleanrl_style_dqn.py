"""DQN in one file, in the manner of CleanRL's JAX scripts, and sparse: three lines differ from the dense one.

    python examples/cleanrl_style_dqn.py --method rigl --sparsity 0.9 --seed 0 --output runs
    python examples/cleanrl_style_dqn.py --method dense --output runs

The three are marked `# sparse`: what makes the optimizer, what masks the first parameters, what copies the target.
With `--method dense` they are plain optax, bit for bit. Every 2,500 steps ten greedy episodes are added as a row to
`OUTPUT/cleanrl-dqn-ENVIRONMENT-METHOD-SEED.csv`.

Needs: `pip install sparserl flax`. Takes half a minute on one core; the return of CartPole goes from 10 to about 200.
"""

import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.linen as nn
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from flax.training.train_state import TrainState

import sparserl
from sparserl.errors import UserError


@dataclass(frozen=True)
class Arguments:
    """What is chosen; times are in steps of the environment."""

    environment: str = "CartPole-v1"  # of Gymnasium, with vectors to see and a few actions to choose from
    method: str = "rigl"  # a name of `sparserl methods`
    sparsity: float = 0.9  # fraction of the weights of kernels that is zero
    seed: int = 0
    steps: int = 20_000
    learning_starts: int = 1_000
    train_every: int = 2
    target_every: int = 500
    batch_size: int = 64
    learning_rate: float = 1e-3
    gamma: float = 0.99
    exploration_fraction: float = 0.2  # of training, in which random actions become rare
    final_epsilon: float = 0.05
    units: int = 128  # of each of two hidden layers
    evaluate_every: int = 2_500
    episodes: int = 10  # of an evaluation
    output: Path = Path("runs")


class QNetwork(nn.Module):
    """The value of every action."""

    num_actions: int
    units: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        for _ in range(2):
            x = nn.relu(nn.Dense(self.units)(x))
        return nn.Dense(self.num_actions)(x)


class Replay:
    """All transitions so far; when it is full, the oldest go first."""

    def __init__(self, capacity: int, observation: np.ndarray) -> None:
        seen = lambda: np.zeros((capacity, *observation.shape), np.float32)
        self.fields = (seen(), np.zeros(capacity, np.int32), np.zeros(capacity, np.float32), seen(), np.zeros(capacity))
        self.size = 0

    def add(self, *transition: Any) -> None:
        for field, value in zip(self.fields, transition, strict=True):
            field[self.size % len(field)] = value
        self.size += 1

    def sample(self, random: np.random.Generator, batch_size: int) -> tuple[np.ndarray, ...]:
        rows = random.integers(min(self.size, len(self.fields[0])), size=batch_size)
        return tuple(field[rows] for field in self.fields)


@jax.jit
def greedy(state: TrainState, observations: jax.Array) -> jax.Array:
    """The best action for each observation."""
    return state.apply_fn(state.params, observations).argmax(-1)


@jax.jit
def update(state: TrainState, target_params: Any, batch: Any, gamma: float) -> tuple[TrainState, jax.Array]:
    """One step of Q-learning on a batch."""
    observations, actions, rewards, following, terminations = batch
    best = state.apply_fn(target_params, following).max(-1)
    aims = rewards + gamma * (1 - terminations) * best

    def loss(params: Any) -> jax.Array:
        values = jnp.take_along_axis(state.apply_fn(params, observations), actions[:, None], -1)[:, 0]
        return jnp.mean((values - aims) ** 2)

    value, gradients = jax.value_and_grad(loss)(state.params)
    return state.apply_gradients(grads=gradients), value


def evaluate(arguments: Arguments, state: TrainState, seed: int) -> float:
    """The mean return of greedy episodes, side by side."""
    environments = gymnasium.make_vec(arguments.environment, arguments.episodes, vectorization_mode="sync")
    observations, _ = environments.reset(seed=seed)
    returns, done = np.zeros(arguments.episodes), np.zeros(arguments.episodes, bool)
    while not done.all():
        observations, rewards, terminations, truncations, _ = environments.step(np.asarray(greedy(state, observations)))
        returns += rewards * ~done
        done |= terminations | truncations
    return float(returns.mean())


def make(arguments: Arguments, environment: gymnasium.Env) -> TrainState:
    """The network and its optimizer."""
    network = QNetwork(int(environment.action_space.n), arguments.units)
    params = network.init(jax.random.key(arguments.seed), environment.observation_space.sample()[None])
    num_updates = (arguments.steps - arguments.learning_starts) // arguments.train_every
    optimizer = optax.adam(arguments.learning_rate)
    optimizer = sparserl.sparsify(  # sparse
        optimizer, arguments.method, sparsity=arguments.sparsity, total_updates=num_updates
    )
    state = TrainState.create(apply_fn=network.apply, params=params, tx=optimizer)
    return state.replace(params=sparserl.born_sparse(state.params, state))  # sparse


def train(arguments: Arguments) -> tuple[TrainState, list[dict[str, Any]]]:
    """The trained state, and a row for each evaluation."""
    environment = gymnasium.make(arguments.environment)
    environment.action_space.seed(arguments.seed)
    random = np.random.default_rng(arguments.seed)
    observation, _ = environment.reset(seed=arguments.seed)
    replay, rows = Replay(arguments.steps, observation), []
    state = make(arguments, environment)
    target_params = state.params
    for step in range(1, arguments.steps + 1):
        explored = step / (arguments.exploration_fraction * arguments.steps)
        epsilon = max(arguments.final_epsilon, 1 - (1 - arguments.final_epsilon) * explored)
        explores = random.random() < epsilon
        action = environment.action_space.sample() if explores else int(greedy(state, observation[None])[0])
        following, reward, terminated, truncated, _ = environment.step(action)
        replay.add(observation, action, reward, following, terminated)
        observation = environment.reset()[0] if terminated or truncated else following
        if step > arguments.learning_starts and step % arguments.train_every == 0:
            state, _ = update(state, target_params, replay.sample(random, arguments.batch_size), arguments.gamma)
        if step % arguments.target_every == 0:
            target_params = sparserl.masked_average(target_params, state.params, 1, state)  # sparse
        if step % arguments.evaluate_every == 0:
            rows.append({"environment_steps": step, "mean_return": evaluate(arguments, state, seed=step)})
            print(f"{arguments.method} {step:,} steps, mean return {rows[-1]['mean_return']:.1f}", flush=True)
    return state, rows


def main(words: list[str] | None = None) -> TrainState:
    """Trains, shows what is alive, and writes the rows."""
    arguments = tyro.cli(Arguments, args=words, description=__doc__)
    began = time.perf_counter()
    try:
        state, rows = train(arguments)
    except (UserError, gymnasium.error.Error) as error:
        print(f"cleanrl_style_dqn: {error}", file=sys.stderr)
        sys.exit(2)
    print(sparserl.summary(state))
    print(f"{state.step:,} updates, {time.perf_counter() - began:.0f} s")
    arguments.output.mkdir(parents=True, exist_ok=True)
    name = f"cleanrl-dqn-{arguments.environment}-{arguments.method}-{arguments.seed}.csv"
    about = {
        "algorithm": "cleanrl-dqn",
        "environment": arguments.environment,
        "method": arguments.method,
        "seed": arguments.seed,
    }
    with (arguments.output / name).open("w", newline="") as file:
        table = csv.DictWriter(file, [*about, "environment_steps", "mean_return"])
        table.writeheader()
        table.writerows(about | row for row in rows)
    return state


if __name__ == "__main__":
    main()
