"""Flax nnx: networks whose `nnx.Linear` may hold compressed kernels."""

from typing import Any

import jax
from flax import nnx
from flax.nnx.nn import dtypes

from sparserl.linalg import Compressed
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


def _product(x: Any, kernel: Any, *dimensions: Any, **options: Any) -> Any:
    return x @ kernel if isinstance(kernel, Compressed) else jax.lax.dot_general(x, kernel, *dimensions, **options)


def _promoted(arrays: Any, **options: Any) -> Any:
    packed = any(isinstance(array, Compressed) for array in arrays)
    return arrays if packed else dtypes.promote_dtype(arrays, **options)
