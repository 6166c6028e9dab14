"""Due: a `cond` that stays one under `vmap`.

`vmap` makes of a `cond` whose predicate is batched a `select`, which runs both branches at every call.
"""

from collections.abc import Callable
from typing import Any

import jax

from sparserl.types import Array


def when_due(due: Array, change: Callable[[], Any], same: Callable[[], Any]) -> Any:
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
