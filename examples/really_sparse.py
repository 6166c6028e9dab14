"""Kernels that are stored and computed as their live weights, beside dense ones: the same training, in less time.

    python examples/really_sparse.py [--sparsity 0.9] [--updates 100] [--repeats 7]

Two hidden layers of 512 units learn by Adam to follow a fixed function of 17 inputs, in batches of 256, written five
times: in plain JAX, by `sparserl.linalg.feed_forward` as our own agents are, with flax linen and a TrainState, with
flax nnx, and with equinox. Each is trained dense, by plain optax, and by `sparsify(..., "rigl",
storage="compressed")`. The two take turns, so that what slows the machine slows both; what is printed is the median
of the ratios of the turns, and of the times.

It needs a CPU, the native kernels (a C++ compiler when sparserl was installed), and flax and equinox for their rows.
It takes a minute and uses one core.
"""

import argparse
import functools
import importlib.util
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("NPROC", "1")  # one core: what an update costs, not what a machine has

import jax
import jax.numpy as jnp
import optax

import sparserl
from sparserl import linalg
from sparserl.types import Params

SIZES, BATCH_SIZE, INTERVAL_UPDATES = (17, 512, 512, 6), 256, 1_000
Apply = Callable[[Params, jax.Array], jax.Array]
Network = tuple[Params, Apply]  # parameters, and outputs [batch, 6] of inputs [batch, 17]


def plain(key: jax.Array) -> Network:
    """Dictionaries and `x @ kernel`: any code takes compressed kernels that multiplies so."""
    shapes = list(zip(jax.random.split(key, 3), SIZES[:-1], SIZES[1:], strict=True))
    params = [{"kernel": jax.random.normal(k, (a, b)) / a**0.5, "bias": jnp.zeros(b)} for k, a, b in shapes]

    def apply(params: Params, x: jax.Array) -> jax.Array:
        for i, layer in enumerate(params):
            x = x @ layer["kernel"] + layer["bias"][None]
            x = jax.nn.relu(x) if i < 2 else x
        return x

    return params, apply


def fused(key: jax.Array) -> Network:
    """The same by `feed_forward`, which joins product, bias and relu, and keeps activations as kernels want them."""

    def apply(params: Params, x: jax.Array) -> jax.Array:
        relus = (jax.nn.relu, jax.nn.relu, None)
        layers = [linalg.Layer(p["kernel"], p["bias"], relu) for p, relu in zip(params, relus, strict=True)]
        return linalg.feed_forward(layers, x)

    return plain(key)[0], apply


def flax_linen(key: jax.Array) -> Network:
    """A model of `nn.Dense`, whose `apply` is adapted."""
    import flax.linen as nn

    from sparserl.adapters import linen

    model = nn.Sequential([nn.Dense(512), nn.relu, nn.Dense(512), nn.relu, nn.Dense(6)])
    return model.init(key, jnp.zeros((1, 17))), linen.adapt(model.apply)


def flax_nnx(key: jax.Array) -> Network:
    """A model of `nnx.Linear`, which is adapted in place."""
    from flax import nnx

    from sparserl.adapters import nnx as adapter

    rngs, relu = nnx.Rngs(key), jax.nn.relu
    linear = lambda inputs, outputs: nnx.Linear(inputs, outputs, rngs=rngs)
    model = adapter.adapt(nnx.Sequential(linear(17, 512), relu, linear(512, 512), relu, linear(512, 6)))
    graph, params, rest = nnx.split(model, nnx.Param, ...)
    return params, lambda params, x: nnx.merge(graph, params, rest)(x)


def equinox(key: jax.Array) -> Network:
    """`eqx.nn.MLP` as it is, one example at a time under `vmap`."""
    import equinox as eqx

    params, static = eqx.partition(eqx.nn.MLP(17, 6, 512, 2, key=key), eqx.is_array)
    return params, lambda params, x: jax.vmap(eqx.combine(static, params))(x)  # in this order


NETWORKS: dict[str, Callable[[jax.Array], Network]] = {
    "plain JAX": plain,
    "feed_forward": fused,
    "flax linen": flax_linen,
    "flax nnx": flax_nnx,
    "equinox": equinox,
}
NEEDED = {"flax linen": "flax", "flax nnx": "flax", "equinox": "equinox"}


def training(network: Network, sparsity: float, num_updates: int) -> Callable[[], float]:
    """A function that makes so many updates, and gives the last loss; compiled. A sparsity of 0 is plain optax."""
    params, apply = network
    adam, choices = optax.adam(3e-4), {"total_updates": 10**6, "interval_updates": INTERVAL_UPDATES}
    sparse = lambda: sparserl.sparsify(adam, "rigl", sparsity=sparsity, storage="compressed", **choices)
    optimizer = optax.with_extra_args_support(sparse() if sparsity else adam)
    state = optimizer.init(params)
    params = sparserl.born_sparse(params, state) if sparsity else params
    teacher = jax.random.normal(jax.random.key(2), (17, 6))

    def update(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
        params, state = carry
        x = jax.random.normal(key, (BATCH_SIZE, 17))
        loss = lambda params: jnp.mean((apply(params, x) - jnp.sin(x @ teacher)) ** 2)
        value, gradients = jax.value_and_grad(loss, allow_int=True)(params)
        updates, state = optimizer.update(gradients, state, params, value_fn=loss)
        return (optax.apply_updates(params, updates), state), value

    @functools.partial(jax.jit, donate_argnums=0)
    def several(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
        return jax.lax.scan(update, carry, jax.random.split(key, num_updates))

    carry, key = jax.tree.map(jnp.copy, (params, state)), jax.random.key(1)

    def advance() -> float:
        nonlocal carry, key
        key, used = jax.random.split(key)
        carry, losses = several(carry, used)
        return float(losses[-1])

    advance()
    return advance


def measure(name: str, sparsity: float, num_updates: int, num_repeats: int) -> dict[str, Any]:
    """Both trainings in turn: medians over the turns of milliseconds for an update and of their ratio, and losses."""
    sides = {s: training(NETWORKS[name](jax.random.key(0)), s, num_updates) for s in (0.0, sparsity)}
    seconds: dict[float, list[float]] = {s: [] for s in sides}
    losses = {}
    for _ in range(num_repeats):
        for s, advance in sides.items():
            began = time.perf_counter()
            losses[s] = advance()
            seconds[s].append(time.perf_counter() - began)
    ratios = sorted(dense / sparse for dense, sparse in zip(seconds[0.0], seconds[sparsity], strict=True))
    milliseconds = [1e3 * statistics.median(times) / num_updates for times in seconds.values()]
    return {
        "network": name,
        "dense_milliseconds": milliseconds[0],
        "compressed_milliseconds": milliseconds[1],
        "times_as_fast": statistics.median(ratios),
        "slowest_and_fastest_turn": (ratios[0], ratios[-1]),
        "losses": tuple(losses.values()),
    }


def main() -> None:
    """Measure each network whose library is installed, and print a row for it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--updates", type=int, default=100, help="in each turn")
    parser.add_argument("--repeats", type=int, default=7, help="turns of each")
    parser.add_argument("--output", type=Path, help="write the rows to this file, too, as JSON")
    options = parser.parse_args()
    rows = []
    print(f"an update, 2 x 512 units, batch {BATCH_SIZE}, {100 * options.sparsity:g} % of weights zero")
    print("network       dense ms  compressed ms  times as fast  (turns)         loss: dense  compressed")
    for name in NETWORKS:
        if importlib.util.find_spec(NEEDED.get(name, "jax")) is None:
            print(f"{name:12}  {NEEDED[name]} is not installed")
            continue
        row = measure(name, options.sparsity, options.updates, options.repeats)
        rows.append(row)
        (low, high), (dense_loss, loss) = row["slowest_and_fastest_turn"], row["losses"]
        print(
            f"{name:12}  {row['dense_milliseconds']:8.2f}  {row['compressed_milliseconds']:13.2f}  "
            f"{row['times_as_fast']:13.2f}  ({low:.2f} to {high:.2f})  {dense_loss:13.3f}  {loss:10.3f}"
        )
    if options.output is not None:
        from sparserl.experiment import RESULTS_VERSION  # of what is measured here

        document = {"results_version": RESULTS_VERSION, "options": {**vars(options), "output": None}, "rows": rows}
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
