"""Wording: an estimate as people write it, and what is said of intervals where seeds are few."""

import math

from sparserl.report.statistics.estimates import Estimate
from sparserl.report.statistics.means import FEW, FEWEST_FOR_INTERVAL


def in_words(estimate: Estimate | None) -> str:
    """`0.97 (0.91 to 1.02)`; the number alone where it has no interval, and a dash where there is none.

    It has as many digits as its interval warrants: one of half its width, two where that begins with 1 to 3.
    """
    if estimate is None:
        return "\u2013"
    if (ends := estimate.ends) is None:
        return f"{estimate.value:,.0f}" if abs(estimate.value) >= 1_000 else f"{estimate.value:#.3g}".rstrip(".")
    places = decimals((ends[1] - ends[0]) / 2, estimate.value)
    value, low, high = (f"{round(number, places) + 0.0:,.{places}f}" for number in (estimate.value, *ends))
    return f"{value} ({low} to {high})"


def decimals(spread: float, value: float) -> int:
    """Places after the point for a number that is known to within `spread`; three digits where it is known exactly.

    A millionth of it is exact, as seeds that agree are apart by rounding alone; so is less than 1e-12.

    Source: the rule of the Particle Data Group's Review, "Rounding", but for its 355, which is 400 here.
    """
    known = spread if spread > max(abs(value) * 1e-6, 1e-12) else abs(value) / 100
    if known < 1e-12:
        return 0
    place = math.floor(math.log10(known))
    return max(0, (1 if known / 10**place < 4 else 0) - place)


def few_seeds_warning(num_seeds: int) -> str:
    """What a figure says of its intervals where they are of fewer than 5 seeds; empty where that need not be said."""
    if num_seeds >= FEW or num_seeds < 1:
        return ""
    seeds = "1 seed" if num_seeds == 1 else f"{num_seeds} seeds"
    if num_seeds < FEWEST_FOR_INTERVAL:
        needed = f"an interval of a single task needs {FEWEST_FOR_INTERVAL}"
        return f"{seeds}: {needed}; differences may be chance"
    return f"{seeds}: intervals of fewer than {FEW} hold for returns that are about normal"
