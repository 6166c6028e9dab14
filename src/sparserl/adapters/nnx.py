"""Flax nnx: networks whose `nnx.Linear` may hold compressed kernels."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from flax.nnx.nn import dtypes

from sparserl.linalg import Compressed, affine
from sparserl.types import UserError


def adapt(model: Any) -> Any:
    """The same model, changed in place so that kernels of its `nnx.Linear` may be compressed; others are as before.

    Such layers compute in float32. Raises UserError where a layer has a product of its own.
    """
    for path, module in nnx.iter_modules(model):
        if not isinstance(module, nnx.Linear):
            continue
        if module.dot_general not in (jax.lax.dot_general, _product):
            place = "/".join(map(str, path)) or "the model"
            raise UserError(f"{place} has a dot_general of its own, and so cannot have that of compressed kernels")
        module.dot_general, module.promote_dtype = _product, _promoted
    return model


class _Biased(NamedTuple):
    """A compressed kernel with its bias, which the layer hands to its product together."""

    kernel: Compressed
    bias: Any


def _product(x: Any, kernel: Any, *dimensions: Any, **options: Any) -> Any:
    if isinstance(kernel, _Biased):
        return affine(x, *kernel)
    return x @ kernel if isinstance(kernel, Compressed) else jax.lax.dot_general(x, kernel, *dimensions, **options)


def _promoted(arrays: Any, **options: Any) -> Any:
    """What the layer computes with: where the bias is part of the product, a zero is left to add."""
    x, kernel, *biases = arrays
    if not isinstance(kernel, Compressed):
        return dtypes.promote_dtype(arrays, **options)
    bias = biases[0] if biases else None
    return arrays if bias is None else (x, _Biased(kernel, bias), jnp.zeros(1))
