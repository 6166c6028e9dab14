"""The break-even: the density up to which one layer's update is faster compressed, by size and batch size."""

import itertools
import statistics
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from sparserl import linalg
from sparserl.bench.choices import BreakEven
from sparserl.bench.measuring import Run, take_turns
from sparserl.linalg import Compressed, Layer, Layout
from sparserl.sparsity import live_count
from sparserl.types import Array

LADDER = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.65, 0.8)  # densities to try
MARGIN = 1.05  # how much faster compressed must be, so that choosing it never loses
COPY_UPDATES = 100  # updates between target copies
ADAM = optax.adam(1e-3)


class LayerUpdate(NamedTuple):
    """`update(operands, state)` gives the next state."""

    update: Callable[[Any, Any], Any]
    operands: Any
    state: Any


def rows(options: BreakEven, index: int, num_processes: int) -> Iterator[dict[str, Any]]:
    """One row for each cell of this process's share, in the form that `linalg.break_even` reads."""
    cells = list(itertools.product(options.sizes, options.sizes, options.batch_sizes))
    for inputs, outputs, batch_size in cells[index::num_processes]:
        density = _break_even(options, (inputs, outputs), batch_size)
        yield {"inputs": inputs, "outputs": outputs, "batch_size": batch_size, "density": density}


def words(row: dict[str, Any]) -> str:
    """A row in words."""
    return f"{row['inputs']} x {row['outputs']}, batch {row['batch_size']}: up to density {row['density']:g}"


def _break_even(options: BreakEven, shape: tuple[int, int], batch_size: int) -> float:
    """The highest density of the ladder at which compressed wins, by bisection; 0 if there is none."""
    dense = _running(dense_update(shape, batch_size))
    low, high = 0, len(LADDER)  # compressed wins below index `low`, and does not from `high` on
    while low < high:
        middle = (low + high) // 2
        compressed = _running(compressed_update(shape, batch_size, LADDER[middle]))
        turns = take_turns([(dense, 1), (compressed, 1)], options.repetitions, options.window_seconds)
        wins = statistics.median(turns[0]) >= MARGIN * statistics.median(turns[1])
        low, high = (middle + 1, high) if wins else (low, middle)
    return LADDER[low - 1] if low else 0.0


def _running(layer: LayerUpdate) -> Run:
    def advance(count: Any, operands: Any, state: Any) -> Any:
        return jax.lax.fori_loop(0, count, lambda _, state: layer.update(operands, state), state)

    compiled = jax.jit(advance, donate_argnums=2)
    state = layer.state

    def run(count: int) -> None:
        nonlocal state
        state = jax.block_until_ready(compiled(count, layer.operands, state))

    return run


def dense_update(shape: tuple[int, int], batch_size: int) -> LayerUpdate:
    """The update of a dense layer, activations `[batch, features]`."""

    def forward(_: None, weights: tuple[Array, Array], x: Array) -> jax.Array:
        kernel, bias = weights
        return linalg.feed_forward([Layer(kernel, bias, jax.nn.relu)], x)

    kernel = jax.random.normal(jax.random.key(0), shape)
    return _update(forward, None, kernel, jnp.zeros(shape[1]), (batch_size, shape[0]), (batch_size, shape[1]))


def compressed_update(shape: tuple[int, int], batch_size: int, density: float) -> LayerUpdate:
    """The same for a compressed layer of at least one live weight, activations `[features, batch]`."""
    size = shape[0] * shape[1]
    live = live_count(size, 1.0 - density)
    places = jax.random.permutation(jax.random.key(1), size)[:live]
    layout = linalg.layout_of(jnp.zeros(size, bool).at[places].set(True).reshape(shape), live)

    def forward(layout: Layout, weights: Any, x: Array) -> jax.Array:
        values, bias = weights
        return linalg.dense(Compressed(values, layout), bias, x, jax.nn.relu)

    values = jax.random.normal(jax.random.key(0), (live,))
    return _update(forward, layout, values, jnp.zeros(shape[1]), (shape[0], batch_size), (shape[1], batch_size))


def _update(
    forward: Callable[[Any, Any, Array], jax.Array],
    layout: Layout | None,
    kernel: Array,
    bias: Array,
    x_shape: tuple[int, int],
    y_shape: tuple[int, int],
) -> LayerUpdate:
    """Forward passes of online and target, both gradients, Adam, and a copy to the target every `COPY_UPDATES`.

    The target's outputs and the gradient of x are carried, so that XLA does not leave them out.
    """
    x, dy = jax.random.normal(jax.random.key(2), x_shape), jax.random.normal(jax.random.key(3), y_shape)

    def update(operands: Any, state: Any) -> Any:
        (layout, x, dy), (params, target, moments, number, _) = operands, state
        aim = forward(layout, target, x)
        _, pull = jax.vjp(lambda params, x: forward(layout, params, x), params, x)
        gradients, dx = pull(dy)
        steps, moments = ADAM.update(gradients, moments)
        params = optax.apply_updates(params, steps)
        target = jax.lax.cond(number % COPY_UPDATES == 0, lambda: params, lambda: target)
        return params, target, moments, number + 1, (aim, dx)

    params = (kernel, bias)
    carried = (jnp.zeros(y_shape), jnp.zeros(x_shape))
    state = (params, jax.tree.map(jnp.copy, params), ADAM.init(params), jnp.int32(1), carried)
    return LayerUpdate(update, (layout, x, dy), state)
