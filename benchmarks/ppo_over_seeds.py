"""What RigL costs in the PPO of `examples/ppo_jit_vmap.py`, over seeds: its gradient updates beside dense ones.

    python benchmarks/ppo_over_seeds.py [--seeds 1 8] [--updates 640] [--repeats 7] [--json]

All updates of all seeds are one compiled program that gets the states and returns them, as trainings in parts do, or
ones that go on from a checkpoint: there `vmap` batches the counter in the optimizer's state. `rigl, plain cond` is the
same with `jax.lax.cond` in the place of the rule by which `sparsify` keeps one `cond` for the batch: `vmap` makes a
`select` of it, which changes topologies at every update and throws the change away. (In a whole training, from `init`
on in one program, the counter is the same for all seeds, JAX knows it, and a plain `cond` stays one, too.)
"""

import argparse
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("NPROC", "1")  # one core: what a seed costs, not what a machine has

import jax
import jax.numpy as jnp
import turns
from flax.training.train_state import TrainState

from sparserl.sparsity import transformation

EXAMPLE = Path(__file__).parent.parent / "examples" / "ppo_jit_vmap.py"
spec = importlib.util.spec_from_file_location("ppo_jit_vmap", EXAMPLE)
assert spec is not None
assert spec.loader is not None
example = importlib.util.module_from_spec(spec)
sys.modules["ppo_jit_vmap"] = example
spec.loader.exec_module(example)

TOTAL_UPDATES, FEATURES, ACTIONS = 16_000, 4, 2  # CartPole's; topologies change every 160 updates
MINIBATCH_STEPS = example.STEPS_PER_UPDATE // example.NUM_MINIBATCHES
VARIANTS = ("dense", "rigl", "rigl, plain cond")


def program(variant: str, num_seeds: int, num_updates: int, sparsity: float) -> Callable[[], None]:
    """A function that makes so many updates of each seed, and waits for them; compiled."""
    network = example.ActorCritic(ACTIONS)
    optimizer = example.make_optimizer(variant.partition(",")[0], sparsity, 2.5e-4, TOTAL_UPDATES)

    def begin(key: jax.Array) -> TrainState:
        params = network.init(key, jnp.zeros((1, FEATURES)))
        return TrainState.create(apply_fn=network.apply, params=params, tx=optimizer)

    def update(state: TrainState, key: jax.Array) -> tuple[TrainState, None]:
        draws = jax.random.normal(key, (MINIBATCH_STEPS, FEATURES + 3))
        observation, (value, reward, advantage) = draws[:, :FEATURES], draws[:, FEATURES:].T
        action, never = (reward > 0).astype(jnp.int32), jnp.zeros(MINIBATCH_STEPS, bool)
        step = example.Step(observation, action, jnp.full(MINIBATCH_STEPS, -0.7), value, reward, never)
        return example.minimized(state, step, advantage), None

    advance = jax.jit(jax.vmap(lambda state, key: jax.lax.scan(update, state, jax.random.split(key, num_updates))[0]))
    seeds = jax.random.split(jax.random.key(0), num_seeds)
    state = jax.jit(jax.vmap(begin))(seeds)
    when_due = jax.lax.cond if variant.endswith("plain cond") else transformation.when_due
    with mock.patch.object(transformation, "when_due", when_due):
        compiled = advance.lower(state, seeds).compile()

    def go_on() -> None:
        nonlocal state
        state = jax.block_until_ready(compiled(state, seeds))

    go_on()
    return go_on


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Updates a second of all seeds together, in turn, medians over repeats; and the median of the ratios of times.

    Seconds are those of the processor, on one core: other programs of the machine take few of them.
    """
    rows = []
    for num_seeds in options.seeds:
        programs = {variant: program(variant, num_seeds, options.updates, options.sparsity) for variant in VARIANTS}
        seconds = turns.seconds_in_turn(programs, options.repeats, time.process_time)
        for variant, times in seconds.items():
            ratios = turns.over_dense(seconds, variant)
            rows.append(
                {
                    "num_seeds": num_seeds,
                    "variant": variant,
                    "updates_per_processor_second": num_seeds * options.updates / statistics.median(times),
                    "cost_over_dense": statistics.median(ratios),
                    "least_and_most": (min(ratios), max(ratios)),
                }
            )
    return rows


def main() -> None:
    """Measure, and print."""
    parser = turns.parser_of(__doc__, "updates", 640, repeats=7)
    parser.add_argument("--sparsity", type=float, default=0.9)
    options = parser.parse_args()
    rows = measure(options)
    if options.json:
        turns.print_json(rows)
        return
    for row in rows:
        low, high = row["least_and_most"]
        print(
            f"{row['num_seeds']:3d} seeds, {row['variant']:17s} {row['updates_per_processor_second']:9,.0f} updates a "
            f"second, {row['cost_over_dense']:.2f} times the time of dense ({low:.2f} to {high:.2f})"
        )


if __name__ == "__main__":
    main()
