"""Cost: parameters and multiply-accumulates of a network, dense and sparse."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np

from sparserl.sparsity.masks import Sparsities
from sparserl.sparsity.methods import SparseMethod
from sparserl.types import UserError


class LayerCost(NamedTuple):
    """What one layer costs: weights (biases not counted) and multiply-accumulates for one input, and those alive.

    A multiply-accumulate is two FLOPs.
    """

    name: str
    shape: tuple[int, ...]
    weights: int
    density: float
    live_weights: int
    macs: int
    live_macs: int


def stated(method: SparseMethod, count: Literal["initial_live", "final_live"], weights: int, sparsity: float) -> int:
    """How many weights of a layer a method states to be alive. Raises UserError for what can be no such number."""
    live = getattr(method, count)(weights, sparsity)
    if not isinstance(live, int | np.integer) or not 0 <= live <= weights:
        raise UserError(
            f"{type(method).__name__}.{count} states {live!r} live weights of {weights:,} at sparsity {sparsity:g}: it "
            f"must be a whole number, 0 to {weights:,}; sparserl.sparsity.conformance.check_method tells more"
        )
    return int(live)


def network_cost(
    method: SparseMethod,
    shapes: Mapping[str, tuple[int, ...]],
    sparsities: Sparsities,
    positions: Mapping[str, int] = MappingProxyType({}),
) -> list[LayerCost]:
    """What each layer of a network costs once `method` has made it as sparse as it does, in the order of `shapes`.

    shapes: kernel shapes by layer. sparsities: of the masked layers, the others are dense. positions: for each
    convolution at how many places of its output it is applied; a dense layer is applied once. Raises ValueError for a
    convolution that has no positions, and UserError for a method that states what can be no number of weights.
    """
    costs = []
    for name, shape in shapes.items():
        if len(shape) > 2 and name not in positions:
            raise ValueError(f"layer {name!r} is a convolution: positions must say at how many places it is applied")
        weights, places = math.prod(shape), positions.get(name, 1)
        live = stated(method, "final_live", weights, sparsities[name]) if name in sparsities else weights
        density = 1.0 - sparsities.get(name, 0.0)
        costs.append(LayerCost(name, tuple(shape), weights, density, live, weights * places, live * places))
    return costs
