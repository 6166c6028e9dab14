"""Flax linen: networks as they are, whose `nn.Dense` may hold compressed kernels, and their checkpoints.

To import this module tells `flax.serialization` of compressed kernels.
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import numpy as np
from flax import serialization

from sparserl.linalg import Compressed, Layout, affine
from sparserl.types import UserError


def adapt(apply: Callable[..., Any]) -> Callable[..., Any]:
    """`model.apply` for parameters in which kernels of `nn.Dense` may be compressed; with dense ones it is as it was.

        apply = sparserl.adapters.linen.adapt(model.apply)

    Layers compute in float32. Raises UserError, when called, where another module than `nn.Dense` has a compressed
    kernel.
    """

    @functools.wraps(apply)
    def adapted(*arguments: Any, **named: Any) -> Any:
        with nn.intercept_methods(_of_layer):
            return apply(*arguments, **named)

    return adapted


def _of_layer(call: Callable[..., Any], arguments: Any, named: Any, context: Any) -> Any:
    """What stands in for the method of a module: another product, where its kernel is compressed."""
    module = context.module
    own = {} if module.scope is None else module.variables.get("params", {})
    packed = [name for name, leaf in own.items() if isinstance(leaf, Compressed)]
    if not packed or context.method_name == "setup":
        return call(*arguments, **named)
    if not isinstance(module, nn.Dense):
        place = "/".join((*module.path, packed[0]))
        raise UserError(
            f"{place} is compressed, in a {type(module).__name__}: only nn.Dense may be, leave it out by select=..."
        )
    inputs: Any = [*arguments, *named.values()]
    return affine(inputs[0], own["kernel"], own["bias"]) if module.use_bias else inputs[0] @ own["kernel"]


def _to_state_dict(kernel: Compressed) -> dict[str, Any]:
    return {"values": kernel.values, "layout": serialization.to_state_dict(kernel.layout)}


def _from_state_dict(kernel: Compressed, stored: dict[str, Any]) -> Compressed:
    return Compressed(stored["values"], serialization.from_state_dict(kernel.layout, stored["layout"]))


def _to_arrays(layout: Layout) -> dict[str, Any]:
    return {name: array for name, array in vars(layout).items() if name != "shape"}


def _from_arrays(layout: Layout, stored: dict[str, Any]) -> Layout:
    """Native code reads wherever a layout points, so what comes from a file is looked at first."""
    restored = Layout(**stored, shape=layout.shape)
    if np.ndim(restored.inputs) == 1:
        restored.check()
    return restored


serialization.register_serialization_state(Compressed, _to_state_dict, _from_state_dict)
serialization.register_serialization_state(Layout, _to_arrays, _from_arrays)
