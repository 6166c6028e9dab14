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
        due_batched, operands_batched = in_batched
        # What is not batched stays so: a copy for each of the batch would be laid out otherwise than what is sharded.
        axes = jax.tree.map(lambda is_batched: 0 if is_batched else None, operands_batched)
        lifted = lambda branch: jax.vmap(branch, in_axes=(axes,), axis_size=axis_size)

        def some_changed(both: tuple[Array, Any]) -> Any:
            due, operands = both
            pick = lambda new, old: jnp.where(due.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
            return jax.tree.map(pick, lifted(change)(operands), lifted(same)(operands))

        all_same = lambda both: lifted(same)(both[1])
        chosen = when_due(jnp.any(due) if due_batched else due, some_changed, all_same, (due, operands))
        return chosen, jax.tree.map(lambda _: True, chosen)

    return chosen(due, operands)
