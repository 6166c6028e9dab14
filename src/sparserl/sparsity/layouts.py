"""Layouts: which axes of a kernel are its inputs and its outputs, in the libraries that have another layout than ours.

Ours is `[in, out]`, and `[*space, in, out]` for convolutions, as in flax and haiku.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from sparserl.sparsity.trees import layer_names, leaves_with_paths, stack_name
from sparserl.types import Array, Params

HEADED = ("query", "key", "value")  # what attention of flax calls its kernels [in, head, width], beside out


def matrix_shapes(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """The shapes of kernels as distributions count them: those of flax's attention are matrices.

    Queries, keys and values are dense layers whose outputs are laid out by head, [in, head * width], and the output
    takes what all heads say, [head * width, out]. They are known by their four names, beside each other, and by shapes
    that fit. Any other kernel of three dimensions is a convolution over one.
    """
    counted = dict(shapes)
    for name in shapes:
        module, _, last = stack_name(name).rpartition("/")
        if last == HEADED[0]:
            beside = lambda word, module=module, name=name: (
                f"{module}/{word}".lstrip("/") + name[len(stack_name(name)) :]
            )
            query, key, value, out = (shapes.get(beside(word), ()) for word in (*HEADED, "out"))
            if len(query) == len(key) == len(value) == len(out) == 3 and out[:2] == (query[1], value[2]):
                counted |= {
                    beside(word): (s[0], s[1] * s[2]) for word, s in zip(HEADED, (query, key, value), strict=True)
                }
                counted[beside("out")] = (out[0] * out[1], out[2])
    return counted


def outputs_first(params: Params) -> set[str]:
    """The layers of equinox and its like, `[out, in, *space]`: attributes called weight, weight_ih or weight_hh."""
    paths = (path for path, _ in leaves_with_paths(params))
    named = zip(layer_names(params), paths, strict=True)
    return {name for name, path in named if path and _is_weight(path[-1])}


def to_ours(array: Array, matrix_shape: tuple[int, ...], turned: bool) -> jax.Array:
    """A kernel, or its mask, in our layout."""
    return jnp.moveaxis(jnp.asarray(array), (0, 1), (-1, -2)) if turned else jnp.reshape(array, matrix_shape)


def from_ours(array: Array, shape: tuple[int, ...], turned: bool) -> jax.Array:
    """A kernel in our layout back in that of its library, in which it has this shape."""
    return jnp.moveaxis(jnp.asarray(array), (-1, -2), (0, 1)) if turned else jnp.reshape(array, shape)


def _is_weight(step: object) -> bool:
    return isinstance(step, jax.tree_util.GetAttrKey) and step.name.startswith("weight")
