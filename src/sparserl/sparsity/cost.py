"""Cost: parameters and multiply-accumulates of a network, dense and sparse."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from sparserl.sparsity.masks import Sparsities
from sparserl.sparsity.methods import SparseMethod


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


def network_cost(
    method: SparseMethod,
    shapes: Mapping[str, tuple[int, ...]],
    sparsities: Sparsities,
    positions: Mapping[str, int] = MappingProxyType({}),
) -> list[LayerCost]:
    """What each layer of a network costs once `method` has made it as sparse as it does, in the order of `shapes`.

    shapes: kernel shapes by layer. sparsities: of the masked layers, the others are dense. positions: for each
    convolution at how many places of its output it is applied; a dense layer is applied once. Raises ValueError for a
    convolution that has no positions.
    """
    costs = []
    for name, shape in shapes.items():
        if len(shape) > 2 and name not in positions:
            raise ValueError(f"layer {name!r} is a convolution: positions must say at how many places it is applied")
        weights, places = math.prod(shape), positions.get(name, 1)
        live = method.final_live(weights, sparsities[name]) if name in sparsities else weights
        density = 1.0 - sparsities.get(name, 0.0)
        costs.append(LayerCost(name, tuple(shape), weights, density, live, weights * places, live * places))
    return costs
