"""Resampling: whole runs, or pairs of runs of equal seeds, drawn with replacement within each task."""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.special

from sparserl.report.statistics.means import FEWEST_FOR_INTERVAL

Strata = Sequence[np.ndarray]
"""What is drawn within each task: `[unit, score]`, where a unit is a run, or the runs of a pair."""
OverStrata = Callable[[Strata], np.ndarray]
"""A statistic: `[..., unit, score]` of each stratum in, `[...]` out."""


def resampled(strata: Strata, statistic: OverStrata, seed: int, num_resamples: int, rescaled: bool) -> np.ndarray:
    """The statistic of each stratified bootstrap sample: `[resample, ...]`.

    `rescaled` draws from deviations that are sqrt(n / (n - 1)) as large, of n units in their stratum, so that the
    variance of a mean over samples is s^2 / n and not (n - 1) / n of that.
    """
    random = np.random.default_rng(seed)
    drawn = []
    for units in strata:
        num_units = len(units)
        pool = _stretched(units) if rescaled and num_units > 1 else units
        drawn.append(pool[random.integers(num_units, size=(num_resamples, num_units))])
    return statistic(drawn)


def _stretched(units: np.ndarray) -> np.ndarray:
    centre = units.mean(axis=0)
    return centre + np.sqrt(len(units) / (len(units) - 1)) * (units - centre)


def degrees_of_freedom(strata: Strata, statistic: OverStrata) -> float:
    """Those of the statistic's variance, by Welch and Satterthwaite: (sum of v)^2 / sum of v^2 / (n - 1).

    v is what a stratum of n units adds to the variance: the sum of squares of what the statistic moves by as a unit
    is put at the mean of its stratum. Of the mean of a single stratum it is n - 1, exactly.
    """
    parts = np.array([_variance(strata, place, statistic) for place in range(len(strata))])
    free = np.array([len(units) - 1 for units in strata])
    if not parts.any():
        return float(free.sum())
    return float(parts.sum() ** 2 / (parts[free > 0] ** 2 / free[free > 0]).sum())


def _variance(strata: Strata, place: int, statistic: OverStrata) -> float:
    units = strata[place]
    moved = np.repeat(units[None], len(units), axis=0)
    moved[np.arange(len(units)), np.arange(len(units))] = units.mean(axis=0)
    copies = [
        moved if other == place else np.broadcast_to(each, (len(units), *each.shape))
        for other, each in enumerate(strata)
    ]
    values = statistic(copies)
    return float(((values - values.mean()) ** 2).sum())


def critical_value(free: float, confidence: float) -> float:
    """Student's t of so many degrees of freedom: how many standard errors an interval reaches to either side."""
    return float(scipy.special.stdtrit(free, (1 + confidence) / 2))


def why_no_interval(sizes: Sequence[int], num_sides: int = 1) -> str:
    """Why there are too few units for an interval, of so many in each stratum; empty where there are enough."""
    if min(sizes) < 2:
        return "a single run says nothing of how far seeds are apart"
    if sum(sizes) - len(sizes) < num_sides * (FEWEST_FOR_INTERVAL - 1):
        return f"an interval needs {FEWEST_FOR_INTERVAL} seeds"
    return ""
