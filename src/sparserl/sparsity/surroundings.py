"""Surroundings: which transformations around `sparsify`, or inside of it, would bring dead weights back.

They are known by their states, which is all that there is to see of them.
"""

from typing import Any

import jax
import optax
from optax import contrib

from sparserl.types import UserError

_INSIDE_ONLY = {  # they mix weights, or updates, of several times, or leave updates out: dead weights would come back
    contrib.ScheduleFreeState: "schedule_free",
    contrib.MechanicState: "mechanize",
    contrib.SAMState: "sam",
}
_NOWHERE = {optax.LookaheadState: "lookahead", optax.ConditionallyTransformState: "conditionally_transform"}
_ONLY_LOOKING = (optax.MonitorState, optax.SnapshotState)  # after `sparsify` in a chain they change nothing


def check_inside(inner: Any, ours: type) -> None:
    """UserError for the state of an inner optimizer that makes sparse itself, or whose parameters are two networks."""
    if _holds(inner, ours):
        raise UserError("inner is an optimizer of sparsify already: give it the plain one")
    if _holds(inner, optax.LookaheadState):
        raise UserError("inner holds optax.lookahead, whose parameters are pairs of networks: leave it out")


def check_around(state: Any, ours: type) -> None:
    """UserError for what stands around the state of `sparsify`, or after it in a chain, and spoils exact zeros."""
    if isinstance(state, ours) or not _holds(state, ours):
        return
    for kind, name in (_INSIDE_ONLY | _NOWHERE).items():
        if isinstance(state, kind):
            advice = "put it inside: sparsify(" + name + "(...), ...)" if kind in _INSIDE_ONLY else "leave it out"
            raise UserError(f"{name} stands around sparsify and would bring dead weights back: {advice}")
    children = _children(state)
    if type(state) is tuple and all(map(_of_a_chain, children)):
        last = max(i for i, child in enumerate(children) if _holds(child, ours))
        after = [child for child in children[last + 1 :] if not isinstance(child, _ONLY_LOOKING)]
        if after:
            raise UserError(
                f"sparsify has {len(after)} more behind it in a chain, which would bring dead weights back: put it "
                "last, or the others inside: sparsify(optax.chain(...), ...)"
            )
    for child in children:
        check_around(child, ours)


def _holds(state: Any, kind: type) -> bool:
    is_kind = lambda node: isinstance(node, kind)
    return any(map(is_kind, jax.tree.leaves(state, is_leaf=is_kind)))


def _children(node: Any) -> list[Any]:
    children = jax.tree.leaves(node, is_leaf=lambda inner: inner is not node)
    return [child for child in children if child is not node]


def _of_a_chain(state: Any) -> bool:
    """Whether it is what a transformation of optax remembers, or again those of a chain; people have tuples, too."""
    if type(state) is tuple:
        return bool(state) and all(map(_of_a_chain, state))
    return isinstance(state, tuple) and type(state).__module__.partition(".")[0] in ("optax", "sparserl")
