"""Finding: which leaves of anybody's parameters are kernels that can be sparse."""

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sparserl.sparsity.masks import Kernels
from sparserl.sparsity.stacking import stacked_layers
from sparserl.sparsity.trees import KERNEL_WORDS, layer_names, leaf_paths, leaves_with_paths, member_name, stack_name
from sparserl.sparsity.trees import leaves as leaves_of
from sparserl.types import Array, Params, UserError

Select = Callable[[str, Array], bool]  # of the path of a leaf, "encoder/Dense_0/kernel", and the leaf

_SPARED = re.compile(r"embed|(?<!weight)(?<!spectral)norm(?!al|ed)")  # in a leaf's path, or the type of its modules
_SPARED_PARTS = ("bias", "scale", "offset", "std")  # of the last word of its path ...
_SPARED_WORDS = ("beta", "gamma")  # ... and the whole of it


class Found(NamedTuple):
    """A kernel: a leaf of the parameters, by its number, or one member of a leaf that stacks several."""

    name: str
    shape: tuple[int, ...]
    leaf: int
    member: int | None

    def of(self, leaves: list[Any]) -> Any:
        """The kernel, or what belongs to it, among the leaves of a tree that is laid out like the parameters."""
        return leaves[self.leaf] if self.member is None else leaves[self.leaf][self.member]


def find(params: Params, select: Select | None, stacked: Collection[str] | None) -> list[Found]:
    """The kernels of a tree of parameters: float arrays of two or more dimensions that `select` wants.

    Without `select` they are those whose path, and the modules that they are in, do not speak of embeddings, norms or
    biases. stacked: layers, or modules, whose leaves stack the kernels of several networks along their first axis; None
    are those that `stacked_layers` knows. Raises UserError for leaves that are not arrays, for names that nothing has,
    and where nothing is found.
    """
    leaves, paths, names = leaves_of(params), leaf_paths(params), layer_names(params)
    _check_arrays(paths, leaves)
    named = [layers_called(word, "stacked", names) for word in stacked or ()]
    stacks = stacked_layers(params) if stacked is None else set().union(*named)
    wanted = select or (lambda path, leaf: path not in spared)
    spared = _spared(params) if select is None else set()
    found = []
    for i, (path, name, leaf) in enumerate(zip(paths, names, leaves, strict=True)):
        stack = name in stacks and leaf.ndim >= 1
        shape = tuple(leaf.shape[stack:])
        if jnp.issubdtype(leaf.dtype, jnp.floating) and len(shape) >= 2 and leaf.size and wanted(path, leaf):
            members: Any = range(leaf.shape[0]) if stack else (None,)
            found += [Found(name if m is None else member_name(name, m), shape, i, m) for m in members]
    if not found:
        raise _nothing_found(paths, leaves, select)
    for word in stacked or ():
        if not layers_called(word, "stacked", names) & {stack_name(kernel.name) for kernel in found}:
            raise UserError("it has no stack of kernels, of three or more dimensions", field="stacked", value=word)
    return found


def split(found: list[Found], tree: Params) -> Kernels:
    """The kernels of a tree that is laid out like the parameters, by name."""
    leaves = leaves_of(tree)
    return {kernel.name: kernel.of(leaves) for kernel in found}


def layers_called(word: str, field: str, names: Collection[str]) -> set[str]:
    """The layers that a name stands for: the one that has it, or else all whose names have it among their parts.

    "Dense_0" stands for "params/encoder/Dense_0" and "encoder" for all layers in it. UserError where nothing has it.
    """
    exact = {name for name in names if word in (name, stack_name(name))}
    meant = exact or {name for name in names if f"/{word}/" in f"/{stack_name(name)}/"}
    if not meant:
        raise UserError("no layer has this name", field=field, value=word, allowed=names)
    return meant


def _check_arrays(paths: list[str], leaves: list[Any]) -> None:
    for path, leaf in zip(paths, leaves, strict=True):
        if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype") and hasattr(leaf, "ndim")):
            raise UserError(
                f"params: {path} is no array, but of type {type(leaf).__name__}: give the arrays alone, such as "
                "eqx.filter(model, eqx.is_inexact_array) or nnx.state(model, nnx.Param)"
            )


def _spared(params: Params) -> set[str]:
    """Paths of leaves that are no kernels by what they, or the modules that they are in, are called."""
    opaque = lambda node: node is not params and _SPARED.search(type(node).__name__.lower()) is not None
    typed = [path for path, node in jax.tree_util.tree_leaves_with_path(params, is_leaf=opaque) if opaque(node)]
    paths, spared = leaf_paths(params), set()
    lower = {path.lower() for path in paths}
    for path, (keys, _) in zip(paths, leaves_with_paths(params), strict=True):
        if _is_called_so(path.lower(), lower) or any(keys[: len(node)] == node for node in typed):
            spared.add(path)
    return spared


def _is_called_so(path: str, paths: Collection[str]) -> bool:
    """Whether a leaf is an embedding, a norm or a bias by its path alone, or by what is beside it; in lower case."""
    module, _, last = path.rpartition("/")
    beside = lambda *names: any(f"{module}/{name}".lstrip("/") in paths for name in names)
    if last in ("b", "g"):  # a bias, or the lengths of equinox's WeightNorm; or what somebody calls a matrix
        return beside(*KERNEL_WORDS) if last == "b" else beside("layer/weight")
    return bool(_SPARED.search(path)) or last in _SPARED_WORDS or any(part in last for part in _SPARED_PARTS)


def _nothing_found(paths: list[str], leaves: list[Any], select: Select | None) -> UserError:
    seen = ", ".join(f"{path} {list(leaf.shape)}" for path, leaf in zip(paths, leaves, strict=True))
    wanted = "that `select` wants" if select else "whose path does not speak of an embedding, a norm or a bias"
    advice = "" if select else "; choose others by select=lambda path, leaf: ..."
    return UserError(
        f"params hold no kernel, a float array of two or more dimensions {wanted}: they are {seen or 'empty'}{advice}"
    )
