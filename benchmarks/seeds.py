"""Many seeds in one program: what a masked RigL update costs beside a dense one, and how throughput grows with seeds.

`python benchmarks/seeds.py [--seeds 8] [--steps 400] [--repeats 5] [--json]`

Both loops run whole on the device: environments, replay and updates of all seeds are one compiled program. A framework
whose topology update became a select under `vmap` would pay for one at every step; a measured chunk here has one.
"""

import argparse
import itertools
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("NPROC", "1")  # one core: what a seed costs, not what a machine has

import jax

from sparserl import training
from sparserl.experiment import build, from_preset
from sparserl.sparsity import Window
from sparserl.sparsity.methods import RigL

INTERVAL_UPDATES = 1_000  # the paper's


def program(method: str, num_seeds: int, num_steps: int) -> Callable[[], None]:
    """A function that advances all seeds by `num_steps` and waits for them; compiled, and past the warm-up."""
    chosen = {"method": RigL(window=Window(0.0, 0.8, INTERVAL_UPDATES))} if method == "rigl" else {"sparsity": 0.0}
    chosen |= {"storage": "masked"}  # what an accelerator has
    built = build(from_preset("dqn", method, "CartPole-v1", **chosen))
    agent, environment = training.over_seeds(built.agent, built.environment)
    keys = jax.random.split(jax.random.key(0), num_seeds)
    stops = itertools.count(1_100, num_steps)
    chunks = training.train(agent, environment, keys, training.start(agent, environment, keys), stops)

    def advance() -> None:
        jax.block_until_ready(next(chunks))

    advance()
    return advance


def measure(seeds: list[int], num_steps: int, repeats: int) -> list[dict[str, Any]]:
    """Updates per second of all seeds together, dense and RigL in turn, medians over repeats."""
    rows = []
    for num_seeds in seeds:
        programs = {method: program(method, num_seeds, num_steps) for method in ("dense", "rigl")}
        seconds: dict[str, list[float]] = {method: [] for method in programs}
        for _ in range(repeats):
            for method, advance in programs.items():
                began = time.perf_counter()
                advance()
                seconds[method].append(time.perf_counter() - began)
        ratio = statistics.median(r / d for r, d in zip(seconds["rigl"], seconds["dense"], strict=True))
        row = {"num_seeds": num_seeds, "rigl_cost_over_dense": ratio}
        for method, times in seconds.items():
            row[f"{method}_updates_per_second"] = num_seeds * num_steps / statistics.median(times)
        rows.append(row)
        print(json.dumps(row), file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Measure, and print ratios first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 8], help="on a GPU: 1 10 50 150")
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options.seeds, options.steps, options.repeats)
    device = str(jax.devices()[0].device_kind)
    if options.json:
        print(json.dumps({"device": device, "rows": rows}, indent=2))
        return
    print(f"DQN 2 x 512 on CartPole, batch 128, topology update every {INTERVAL_UPDATES} updates, on {device}")
    for row in rows:
        print(
            f"{row['num_seeds']:4d} seeds: masked RigL costs {row['rigl_cost_over_dense']:.2f} times dense; "
            f"updates/s {row['dense_updates_per_second']:.0f} dense, {row['rigl_updates_per_second']:.0f} RigL"
        )


if __name__ == "__main__":
    main()
