"""Widths: how networks are made narrower, and how wide a dense one must be to match a sparse one."""

import math
from collections.abc import Callable

THOUSANDTHS = 1000  # the steps in which a width multiplier is looked for, as in the published code's sweeps


def scaled(units: int, width: float) -> int:
    """Units or channels of a layer that has `units` at width 1: ceil(width * units), as in the published code.

    Taken of the product in double precision, which may lie above a whole one: 100 units of width 0.07 are 8.
    """
    return math.ceil(units * width)


def matched_width(num_parameters: Callable[[int], int], target: float) -> int:
    """The width whose `num_parameters(width)` is nearest to `target`; the smallest one of those equally near.

    `num_parameters` must not fall with the width. Exact: bisection to the two neighbours, then comparison.
    """
    first = _first_with(num_parameters, target)
    below = _first_with(num_parameters, num_parameters(max(first - 1, 1)))
    return min((below, first), key=lambda width: (abs(num_parameters(width) - target), width))


def matched_multiplier(num_parameters: Callable[[float], int], target: float) -> float:
    """The width multiplier, a multiple of 0.001, whose `num_parameters(width)` is nearest to `target`.

    The smallest one of those equally near: rounding up gives neighbours the same network.
    """
    return matched_width(lambda width: num_parameters(width / THOUSANDTHS), target) / THOUSANDTHS


def _first_with(num_parameters: Callable[[int], int], target: float) -> int:
    """The smallest width of at least `target` parameters."""
    high = 1
    while num_parameters(high) < target:
        high *= 2
    low = 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if num_parameters(middle) < target else (low, middle)
    return low
