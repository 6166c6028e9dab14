"""Due: a `cond` that stays one under `vmap`."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from sparserl.types import Array


def when_any_due(due: Array, change: Callable[[], Any], same: Callable[[], Any]) -> Any:
    """`change()` where it is due, `same()` elsewhere; both may use whatever is around them, batched or not.

    Under `vmap`, `change` runs only when one of the batch is due: the condition is whether any of them is, which is no
    batched number. Outside of compiled programs only the one that is wanted runs.
    """
    if not isinstance(due, jax.core.Tracer):
        return change() if due else same()

    def some_changed() -> Any:
        return jax.tree.map(lambda new, old: jax.lax.select(due, new, old), change(), same())

    return jax.lax.cond(_any(due), some_changed, same)


@jax.custom_batching.custom_vmap
def _any(due: Array) -> Array:
    return due


@_any.def_vmap
def _any_of_batch(axis_size: int, in_batched: list[bool], due: Array) -> tuple[Array, bool]:
    return _any(due.any() if in_batched[0] else due), False


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
