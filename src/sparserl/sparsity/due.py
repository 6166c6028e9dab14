"""Due: a `cond` that stays one under `vmap`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from sparserl.types import Array


def when_due(due: Array, change: Callable[[Any], Any], same: Callable[[Any], Any], operands: Any) -> Any:
    """`jax.lax.cond(due, change, same, operands)`, which under `vmap` runs `change` only when one of them is due.

    `vmap` makes of a `cond` whose predicate is batched a `select`, which runs both branches at every call. Here the
    predicate becomes whether any of the batch is due, so that it is a scalar still; each of them takes what `change`
    gives only when it is due itself. Batches of batches do the same. Both branches are functions of `operands` alone,
    arrays in any tree, and give the same tree of arrays.
    """

    @jax.custom_batching.custom_vmap
    def chosen(due: Array, operands: Any) -> Any:
        return jax.lax.cond(due, change, same, operands)

    @chosen.def_vmap
    def batched(axis_size: int, in_batched: Any, due: Array, operands: Any) -> tuple[Any, Any]:
        spread = lambda is_batched, x: x if is_batched else jnp.broadcast_to(x, (axis_size, *jnp.shape(x)))
        both = jax.tree.map(spread, tuple(in_batched), (due, operands))
        chosen = when_due(both[0].any(), some_changed, all_same, both)
        return chosen, jax.tree.map(lambda _: True, chosen)

    def some_changed(both: tuple[Array, Any]) -> Any:
        due, operands = both
        pick = lambda new, old: jnp.where(due.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
        return jax.tree.map(pick, jax.vmap(change)(operands), jax.vmap(same)(operands))

    def all_same(both: tuple[Array, Any]) -> Any:
        return jax.vmap(same)(both[1])

    return chosen(due, operands)
