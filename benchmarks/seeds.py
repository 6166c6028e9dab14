"""Many seeds in one program: what a masked RigL update costs beside a dense one, and how throughput grows with seeds.

    python benchmarks/seeds.py [cartpole|cnn|resnet] [--seeds 1 8] [--steps 1000] [--repeats 5] [--json]

Both loops run whole on the device: environments, replay and updates of all seeds are one compiled program. A framework
whose topology update became a select under `vmap` would pay for one at every step; a measured chunk here has one or
none.

`cartpole`: DQN of the paper's preset for classic control, an update of 128 transitions at every step. `cnn`, `resnet`:
that for Atari, an update of 32 transitions every 4 steps; the screens, 84 x 84 x 4, are noise made on the device, as
Atari itself has no program for one. Only their replay is shorter: 2,000 steps, 200 of warm-up. RigL: 90 % sparsity.
On a GPU: `seeds.py cartpole --seeds 1 10 50 150`, `seeds.py cnn --seeds 1 4 16`.
"""

import argparse
import dataclasses
import itertools
import json
import os
import statistics
import sys
from collections.abc import Callable
from typing import Any, ClassVar

os.environ.setdefault("NPROC", "1")  # one core: what a seed costs, not what a machine has

import jax
import jax.numpy as jnp
import turns

from sparserl import training
from sparserl.experiment import RESULTS_VERSION, build, from_preset
from sparserl.sparsity import Window
from sparserl.sparsity.methods import RigL
from sparserl.types import Array, EnvSpec, Key, TimeStep

INTERVAL_UPDATES = 1_000  # the paper's, for cartpole
WARMUP_STEPS = {"cartpole": 1_100, "cnn": 240, "resnet": 240}  # done before anything is measured


@dataclasses.dataclass(frozen=True)
class Screens:
    """One compiled environment whose frames and rewards are noise and whose episodes never end."""

    spec: EnvSpec
    num_envs: int = 1
    compiled: ClassVar[bool] = True

    def reset(self, key: Key) -> tuple[Array, Array]:
        stack = jnp.zeros((1, *self.spec.observation_shape), jnp.uint8).at[..., -1:].set(self._frame(key))
        return stack, jnp.copy(stack)  # loops donate both

    def step(self, key: Key | None, state: Array, action: Array) -> tuple[Array, TimeStep]:
        assert key is not None
        frame_key, reward_key = jax.random.split(key)
        stack = jnp.concatenate([state[..., 1:], self._frame(frame_key)], axis=-1)
        never = jnp.zeros(1, bool)
        return stack, TimeStep(stack, jax.random.normal(reward_key, (1,)), never, never, stack)

    def _frame(self, key: Key) -> jax.Array:
        return jax.random.bits(key, (1, *self.spec.observation_shape[:-1], 1), jnp.uint8)


def made(task: str, method: str) -> tuple[Any, Any]:
    """The agent and the environment of a task."""
    if task == "cartpole":
        rigl = {"method": RigL(window=Window(0.0, 0.8, INTERVAL_UPDATES))}
        experiment = from_preset("dqn", method, "CartPole-v1", storage="masked", **(rigl if method == "rigl" else {}))
    else:
        experiment = from_preset("dqn", method, "atari:Pong", network=task, storage="masked")
        short = {"replay_capacity_steps": 2_000, "warmup_steps": 200}
        experiment = dataclasses.replace(experiment, agent=dataclasses.replace(experiment.agent, **short))
    built = build(dataclasses.replace(experiment, sparsity=0.9 if method == "rigl" else 0.0))
    return built.agent, built.environment if task == "cartpole" else Screens(built.agent.spec)


def program(task: str, method: str, num_seeds: int, num_steps: int) -> Callable[[], None]:
    """A function that advances all seeds by `num_steps` and waits for them; compiled, and past the warm-up."""
    agent, environment = training.over_seeds(*made(task, method))
    keys = jax.random.split(jax.random.key(0), num_seeds)
    stops = itertools.count(WARMUP_STEPS[task], num_steps)
    chunks = training.train(agent, environment, keys, training.start(agent, environment, keys), stops)

    def advance() -> None:
        jax.block_until_ready(next(chunks))

    advance()
    return advance


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Steps and updates per second of all seeds together, dense and RigL in turn, medians over repeats."""
    rows = []
    steps_per_update = made(options.task, "dense")[0].steps_per_update
    for num_seeds in options.seeds:
        programs = {name: program(options.task, name, num_seeds, options.steps) for name in ("dense", "rigl")}
        seconds = turns.seconds_in_turn(programs, options.repeats)
        row = {"num_seeds": num_seeds, "rigl_cost_over_dense": turns.median_over_dense(seconds, "rigl")}
        for method, times in seconds.items():
            row[f"{method}_steps_per_second"] = num_seeds * options.steps / statistics.median(times)
            row[f"{method}_updates_per_second"] = row[f"{method}_steps_per_second"] / steps_per_update
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Measure, and print ratios first."""
    parser = turns.parser_of(__doc__, "steps", 1_000, repeats=5)
    parser.add_argument("task", choices=WARMUP_STEPS, nargs="?", default="cartpole")
    options = parser.parse_args()
    rows = measure(options)
    if options.json:
        turns.print_json(rows, results_version=RESULTS_VERSION, task=options.task)
        return
    print(f"{options.task}, on {turns.device()}")
    for row in rows:
        each = "; ".join(
            f"{method}: {row[f'{method}_steps_per_second']:,.0f} steps/s, "
            f"{row[f'{method}_updates_per_second']:,.0f} updates/s"
            for method in ("dense", "rigl")
        )
        print(f"{row['num_seeds']:4d} seeds: masked RigL costs {row['rigl_cost_over_dense']:.2f} times dense; {each}")


if __name__ == "__main__":
    main()
