"""Stacking: which leaves hold the kernels of several networks, or of several layers, along their first axis."""

from collections.abc import Mapping
from typing import Any

import jax

from sparserl.sparsity.layouts import HEADED
from sparserl.sparsity.trees import layer_names, leaf_paths, words
from sparserl.sparsity.trees import leaves as leaves_of
from sparserl.types import Params

_LIFTING = ("Vmap", "Scan")  # flax's linen.vmap and linen.scan put these before the name of a module
_BIASES = ("bias", "b")
_INPUT_WIDTHS = ("in_features", "input_size")  # of modules of equinox whose kernels are matrices


def stacked_layers(params: Params) -> set[str]:
    """The layers whose leaf is a stack, as far as can be told.

    By the type of its module, as in equinox; or else by its bias, which has the stack's axis, too, or does not; or else
    because flax's linen.vmap or linen.scan made it, which may also share parameters.
    """
    leaves, paths, names = leaves_of(params), leaf_paths(params), layer_names(params)
    own_ndims, biases = _own_ndims(params), dict(zip(paths, leaves, strict=True))
    stacks = set()
    for path, name, leaf in zip(paths, names, leaves, strict=True):
        module = path.rpartition("/")[0]
        if leaf.ndim < 3:
            continue
        said = (leaf.ndim == own_ndims[module] + 1) if module in own_ndims else _by_bias(module, leaf.shape, biases)
        if said or (said is None and _is_lifted(name)):
            stacks.add(name)
    return stacks


def _by_bias(module: str, kernel: tuple[int, ...], leaves: Mapping[str, Any]) -> bool | None:
    """Whether a kernel `[..., in, out]` is a stack by the bias beside it; None where that does not tell."""
    prefix = f"{module}/" if module else ""
    bias = next((tuple(leaves[prefix + word].shape) for word in _BIASES if prefix + word in leaves), ())
    alone = 0 < len(bias) < len(kernel) and kernel[-len(bias) :] == bias
    together = 1 < len(bias) < len(kernel) and kernel[0] == bias[0] and kernel[1 - len(bias) :] == bias[1:]
    if alone and together:  # as many inputs as networks, or as heads
        return module.rpartition("/")[2] not in HEADED
    return together if alone or together else None


def _own_ndims(params: Params) -> dict[str, int]:
    """How many dimensions a single kernel has in the modules, by path, whose type says so."""
    says = lambda node: hasattr(node, "num_spatial_dims") or any(hasattr(node, word) for word in _INPUT_WIDTHS)
    nodes = jax.tree_util.tree_leaves_with_path(params, is_leaf=says)
    return {"/".join(words(path)): 2 + getattr(node, "num_spatial_dims", 0) for path, node in nodes if says(node)}


def _is_lifted(name: str) -> bool:
    return any(part.startswith(_LIFTING) for part in name.split("/"))
