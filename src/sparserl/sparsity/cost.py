"""Cost: parameters and multiply-accumulates of a network, dense and sparse."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from sparserl.sparsity.masks import live_count


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
    shapes: Mapping[str, tuple[int, ...]],
    densities: Mapping[str, float],
    positions: Mapping[str, int] = MappingProxyType({}),
    count: Callable[[int, float], int] = live_count,
) -> list[LayerCost]:
    """What each layer of a network costs, in the order of `shapes`.

    shapes: kernel shapes by layer. densities: of the masked layers, the others are dense. positions: for each
    convolution at how many places of its output it is applied; a dense layer is applied once. count: live weights by
    size and density, `live_count` for random masks or `pruned_count`. Raises ValueError for a convolution that has no
    positions.
    """
    costs = []
    for name, shape in shapes.items():
        if len(shape) > 2 and name not in positions:
            raise ValueError(f"layer {name!r} is a convolution: positions must say at how many places it is applied")
        weights, density, places = math.prod(shape), densities.get(name, 1.0), positions.get(name, 1)
        live = count(weights, density) if name in densities else weights
        costs.append(LayerCost(name, tuple(shape), weights, density, live, weights * places, live * places))
    return costs
