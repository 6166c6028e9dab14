"""Widths: how networks are made narrower, and how wide a dense network must be to match a sparse one."""

import math
from collections.abc import Callable

THOUSANDTHS = 1000  # width multipliers are searched in steps of a thousandth, as in the published code


def scaled(units: int, width: float) -> int:
    """Units or channels of a layer that has `units` at width 1: ceil(width * units), as in the published code.

    The product has double precision and may come out above a whole number: 100 units at width 0.07 give 8.
    """
    return math.ceil(units * width)


def matched_width(num_parameters: Callable[[int], int], target: float) -> int:
    """The width whose `num_parameters(width)` is nearest to `target`; the smallest of those equally near.

    `num_parameters` must not fall with the width. Exact: bisection to the two neighbours, then comparison.
    """
    first = _first_with(num_parameters, target)
    below = _first_with(num_parameters, num_parameters(max(first - 1, 1)))
    return min((below, first), key=lambda width: (abs(num_parameters(width) - target), width))


def matched_multiplier(num_parameters: Callable[[float], int], target: float) -> float:
    """The width multiplier, a multiple of 0.001, whose `num_parameters(width)` is nearest to `target`.

    The smallest of those equally near: by rounding up, neighbours can give the same network.
    """
    return matched_width(lambda width: num_parameters(width / THOUSANDTHS), target) / THOUSANDTHS


def _first_with(num_parameters: Callable[[int], int], target: float) -> int:
    """The smallest width with at least `target` parameters."""
    high = 1
    while num_parameters(high) < target:
        high *= 2
    low = 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if num_parameters(middle) < target else (low, middle)
    return low
