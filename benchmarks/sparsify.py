"""What `sparserl.sparsify` costs under `vmap` over seeds: updates with RigL beside those of plain optax.

    python benchmarks/sparsify.py [--seeds 1 8] [--updates 1000] [--repeats 5] [--sparsity 0.9] [--json]

An update is one of DQN: 256 transitions drawn from 10,000, a Q network of two layers of 256 units, the Huber loss of
its temporal differences, Adam, and a target network averaged at every update. All updates of all seeds are one compiled
program, as in anybody's `jit(vmap(train))`, whose step counter is in the optimizer's state, so that it is batched. A
topology changes every 1,000 updates. A library whose `cond` becomes a `select` under `vmap` changes it at each: 31
times the time of dense updates was measured with jaxpruner's (8 seeds, one core).
"""

import argparse
import functools
import os
import statistics
from collections.abc import Callable
from typing import Any

os.environ.setdefault("NPROC", "1")  # one core: what a seed costs, not what a machine has

import jax
import jax.numpy as jnp
import optax
import turns

import sparserl
from sparserl.types import Params

SIZES, BATCH_SIZE, CAPACITY, INTERVAL_UPDATES = (23, 256, 256, 6), 256, 10_000, 1_000
DISCOUNT, STEP_SIZE = 0.99, 0.005


def values(params: Params, x: jax.Array) -> jax.Array:
    """Q values `[batch, action]`."""
    for i, layer in enumerate(params):
        x = x @ layer["kernel"] + layer["bias"][None]
        x = jax.nn.relu(x) if i < len(params) - 1 else x
    return x


def fresh(key: jax.Array) -> list[dict[str, jax.Array]]:
    keys = jax.random.split(key, len(SIZES) - 1)
    shapes = zip(keys, SIZES[:-1], SIZES[1:], strict=True)
    return [{"kernel": jax.random.normal(k, (a, b)) / a**0.5, "bias": jnp.zeros(b)} for k, a, b in shapes]


def loss(params: Params, target: Params, batch: tuple[jax.Array, ...]) -> jax.Array:
    x, action, reward, after = batch
    value = jnp.take_along_axis(values(params, x), action[:, None], 1)[:, 0]
    return optax.huber_loss(value, reward + DISCOUNT * values(target, after).max(-1)).mean()


def program(method: str, num_seeds: int, num_updates: int, sparsity: float) -> Callable[[], None]:
    """A function that makes so many updates of each seed, and waits for them; compiled."""
    adam = optax.adam(3e-4)
    choices: dict[str, Any] = {"interval_updates": INTERVAL_UPDATES} if method == "rigl" else {}
    sparse = lambda: sparserl.sparsify(adam, method, sparsity=sparsity, total_updates=10**6, **choices)
    optimizer = adam if method == "dense" else sparse()
    data_keys = jax.random.split(jax.random.key(0), 4)
    x, after = (jax.random.normal(key, (CAPACITY, SIZES[0])) for key in data_keys[:2])
    replay = x, jax.random.randint(data_keys[2], (CAPACITY,), 0, SIZES[-1]), jnp.tanh(x[:, 0]), after

    def update(carry: Any, key: jax.Array) -> tuple[Any, None]:
        params, target, state = carry
        batch = jax.tree.map(lambda data: data[jax.random.randint(key, (BATCH_SIZE,), 0, CAPACITY)], replay)
        updates, state = optimizer.update(jax.grad(loss)(params, target, batch), state, params)
        params = optax.apply_updates(params, updates)
        if method == "dense":
            target = optax.incremental_update(params, target, STEP_SIZE)
        else:
            target = sparserl.masked_average(target, params, STEP_SIZE, state)
        return (params, target, state), None

    def begin(key: jax.Array) -> Any:
        params = fresh(key)
        return params, params, optimizer.init(params)

    @functools.partial(jax.jit, donate_argnums=0)
    @jax.vmap
    def advanced(carry: Any, key: jax.Array) -> Any:
        return jax.lax.scan(update, carry, jax.random.split(key, num_updates))[0]

    seeds = jax.random.split(jax.random.key(1), num_seeds)
    carry = jax.vmap(begin)(seeds)
    carry = jax.tree.map(jnp.copy, carry)  # parameters and their target are one array until now

    def advance() -> None:
        nonlocal carry
        carry = jax.block_until_ready(advanced(carry, seeds))

    advance()
    return advance


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Milliseconds of one update of all seeds, in turn, medians over repeats; and the median of the ratios."""
    rows = []
    for num_seeds in options.seeds:
        methods = ("dense", "static", "rigl")
        programs = {m: program(m, num_seeds, options.updates, options.sparsity) for m in methods}
        seconds = turns.seconds_in_turn(programs, options.repeats)
        row: dict[str, Any] = {"num_seeds": num_seeds}
        for method, times in seconds.items():
            row[f"{method}_milliseconds_per_update"] = 1e3 * statistics.median(times) / options.updates
            row[f"{method}_cost_over_dense"] = turns.median_over_dense(seconds, method)
        rows.append(row)
    return rows


def main() -> None:
    """Measure, and print ratios first."""
    parser = turns.parser_of(__doc__, "updates", 1_000, repeats=5)
    parser.add_argument("--sparsity", type=float, default=0.9)
    options = parser.parse_args()
    rows = measure(options)
    if options.json:
        turns.print_json(rows)
        return
    for row in rows:
        told = ", ".join(
            f"{method} {row[f'{method}_cost_over_dense']:.2f} ({row[f'{method}_milliseconds_per_update']:.2f} ms)"
            for method in ("dense", "static", "rigl")
        )
        print(f"{row['num_seeds']:4d} seeds, times dense: {told}")


if __name__ == "__main__":
    main()
