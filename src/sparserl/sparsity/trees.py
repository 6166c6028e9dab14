"""Trees: what their leaves are called, whichever library made them, and how masks are laid on them."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from sparserl.linalg import Compressed
from sparserl.types import Array, Params

KERNEL_WORDS = ("kernel", "weight", "w")  # flax and haiku, equinox and PyTorch, haiku
_BOXES = ("value", "raw_value")  # of flax nnx's variables


def leaves(tree: Params) -> list[Any]:
    """The leaves of a tree, of which a compressed kernel is one."""
    return flattened(tree)[0]


def flattened(tree: Params) -> tuple[list[Any], Any]:
    """The leaves of a tree, of which a compressed kernel is one, and its structure."""
    return jax.tree.flatten(tree, is_leaf=is_compressed)


def is_compressed(node: Any) -> bool:
    """Whether it is a compressed kernel, which trees hold as one leaf."""
    return isinstance(node, Compressed)


def leaves_with_paths(tree: Params) -> list[tuple[Any, Any]]:
    """The path of each leaf, and the leaf."""
    return jax.tree_util.tree_leaves_with_path(tree, is_leaf=is_compressed)


def words(path: tuple[Any, ...]) -> tuple[str, ...]:
    """A tree path as plain words: dictionary keys, field names and positions."""
    return tuple(str(getattr(step, "key", getattr(step, "name", getattr(step, "idx", step)))) for step in path)


def owner(words: tuple[str, ...], names: Mapping[tuple[str, ...], Any]) -> tuple[str, ...] | None:
    """The longest parameter path that `words` ends with."""
    tails = (words[start:] for start in range(len(words)))
    return next((tail for tail in tails if tail in names), None)


def place_name(state: Any, path: tuple[Any, ...]) -> str:
    """The innermost named tuple on the way to a leaf, and its field: "FactoredState.v_row"."""
    name = "state"
    for step in path:
        if hasattr(step, "name") and hasattr(state, step.name):
            name, state = f"{type(state).__name__}.{step.name}", getattr(state, step.name)
        elif hasattr(step, "key") or hasattr(step, "idx"):
            state = state[getattr(step, "key", getattr(step, "idx", None))]
        else:  # a node without names
            return name
    return name


def leaf_paths(tree: Params) -> list[str]:
    """The path of each leaf in words, "encoder/Dense_0/kernel"; a single array is called "params"."""
    return ["/".join(_unboxed(path)) or "params" for path, _ in leaves_with_paths(tree)]


def layer_names(tree: Params) -> list[str]:
    """The name of each leaf: its path, without a last word that says only that it is a kernel: "encoder/Dense_0".

    Where two leaves would be called the same, both keep their whole paths.
    """
    paths = leaf_paths(tree)
    short = [_without_kernel(path) for path in paths]
    count = Counter(short)
    return [name if count[name] == 1 else path for name, path in zip(short, paths, strict=True)]


def by_leaf(values: Mapping[str, Array], tree: Params) -> list[Array | None]:
    """What each leaf has of masks, or of other arrays by layer name; None where it has nothing.

    A leaf that stacks several kernels has one value for each, "critics/Dense_0[0]", which are stacked like it.
    """
    stacks: dict[str, list[Array]] = {}
    for name in sorted(values, key=_member_order):
        stacks.setdefault(stack_name(name), []).append(values[name])
    return [values[name] if name in values else _stacked(stacks.get(name)) for name in layer_names(tree)]


def masked(masks: Mapping[str, Array], tree: Params) -> Params:
    """The same tree with exact zeros outside the masks, also where a number was infinite or not a number."""
    held, structure = flattened(tree)
    placed = zip(by_leaf(masks, tree), held, strict=True)
    kept = [leaf if mask is None else jnp.where(mask, leaf, 0) for mask, leaf in placed]
    return jax.tree.unflatten(structure, kept)


def member_name(layer: str, position: int) -> str:
    """What one of the kernels is called that a leaf stacks."""
    return f"{layer}[{position}]"


def stack_name(name: str) -> str:
    """The leaf that stacks a kernel of this name; a kernel that is a leaf of its own has its own name."""
    return _MEMBER.sub("", name)


_MEMBER = re.compile(r"\[(\d+)\]$")


def _member_order(name: str) -> tuple[str, int]:
    member = _MEMBER.search(name)
    return stack_name(name), int(member[1]) if member else 0


def _stacked(members: list[Array] | None) -> Array | None:
    return None if members is None else jnp.stack(members)


def _unboxed(path: tuple[Any, ...]) -> tuple[str, ...]:
    boxed = bool(path) and isinstance(path[-1], jax.tree_util.GetAttrKey) and path[-1].name in _BOXES
    return words(path[:-1] if boxed else path)


def _without_kernel(path: str) -> str:
    layer, _, last = path.rpartition("/")
    return layer if layer and last in KERNEL_WORDS else path
