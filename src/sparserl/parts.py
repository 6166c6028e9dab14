"""Parts: how many of a whole number a fraction is, and the mean of the last part; exact, and without a library."""

import functools
import math
from collections.abc import Sequence
from fractions import Fraction

_TYPED_DIGITS = 12  # more than people type, and fewer than computed numbers have
_LOST = 2.0**-50  # of a fraction of 1, in a few operations on floats


@functools.lru_cache(maxsize=2**16)  # every plan asks it of every layer
def part_of(total: int, fraction: float) -> Fraction:
    """`total` * `fraction`, exactly, of the decimal number that was typed, and not of the binary one nearest to it.

    Of 5,530 weights 0.7 are 3,871; floats say less, and rounding would lose one. A fraction that was computed, as
    1 - 0.9 or a layer's share of a budget, means the whole or half number that it misses by the error of floats only;
    but less than all of it stays less.
    """
    text = str(fraction)
    if len(text.partition("e")[0].replace(".", "").lstrip("-0")) <= _TYPED_DIGITS:
        return total * Fraction(text)
    part = total * Fraction(fraction)
    nearest = Fraction(round(2 * part), 2)
    return nearest if abs(part - nearest) <= total * _LOST and nearest != total else part


def mean_of_last(values: Sequence[float], fraction: float) -> float:
    """The mean of the last floor(fraction * count) of the values, at least one: a final return, of evaluations."""
    last = values[-max(math.floor(part_of(len(values), fraction)), 1) :]
    return math.fsum(last) / len(last)
