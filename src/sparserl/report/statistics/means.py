"""Statistics of the runs of a single task: means, the interquartile mean, and intervals for both, reproducible."""

from collections.abc import Callable

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from sparserl.persistence import UserError

FEWEST_FOR_INTERVAL = 3  # seeds; of two it would be twelve times as wide as they are apart
FEW = 5  # seeds below which an interval leans on returns being about normal
METHOD = "t-interval"  # what `mean_interval` is called where its ends are shown
Statistic = Callable[[np.ndarray], np.ndarray]  # over the last axis, as `interquartile_mean`
_LARGEST_BLOCK = 2**22  # resampled values at once, 32 MB


def mean(values: np.ndarray) -> np.ndarray:
    """The mean over the last axis."""
    return values.mean(axis=-1)


def interquartile_mean(values: ArrayLike) -> np.ndarray:
    """The mean of the middle half over the last axis: int(n / 4) values are dropped at each end.

    Source: Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice", section 4.3.
    """
    in_order = np.sort(np.asarray(values, dtype=np.float64), axis=-1)
    num_dropped = in_order.shape[-1] // 4
    return in_order[..., num_dropped : in_order.shape[-1] - num_dropped].mean(axis=-1)


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The lower and upper end of Student's t-interval for the mean over runs: mean -+ t s / sqrt(n).

    `values` is `[run, ...]`; the results keep the other axes. Of normal returns it covers the mean as often as it says,
    however few there are; of exponential ones, at 95 %, in 88 % of cases with 3 to 5 runs and 90 % with 10, where
    percentile bootstrap intervals cover it in 69 to 78 and 85 %. Raises UserError for fewer than two runs.
    Source: Student 1908, "The probable error of a mean".
    """
    by_run = np.asarray(values, dtype=np.float64)
    num_runs = len(by_run)
    if num_runs < 2 or not 0 < confidence < 1:
        raise UserError("an interval of a mean needs two runs and a confidence within (0, 1)")
    width = scipy.special.stdtrit(num_runs - 1, (1 + confidence) / 2) * by_run.std(axis=0, ddof=1) / np.sqrt(num_runs)
    return by_run.mean(axis=0) - width, by_run.mean(axis=0) + width


def bootstrap_interval(
    values: ArrayLike,
    seed: int,
    confidence: float = 0.95,
    num_resamples: int = 10_000,
    statistic: Statistic = mean,
) -> tuple[np.ndarray, np.ndarray]:
    """The lower and upper end of a percentile bootstrap interval for `statistic` over runs.

    `values` is `[run, ...]`; whole runs are drawn with replacement, the same for every entry of the other axes, which
    the two results keep. `seed` fixes the draws. It is for statistics without a formula, such as the interquartile mean
    over many runs; of few it is too narrow (0.75 of 3 normal ones at 95 %), so a mean has `mean_interval`.
    Source: Efron 1979; Agarwal et al. 2021, section 4.1.
    """
    by_run = np.moveaxis(np.asarray(values, dtype=np.float64), 0, -1)
    if by_run.shape[-1] == 0 or not 0 < confidence < 1 or num_resamples < 1:
        raise UserError("a bootstrap interval needs a run, a confidence within (0, 1) and at least one resample")
    num_runs = by_run.shape[-1]
    draws = np.random.default_rng(seed).integers(num_runs, size=(num_resamples, num_runs))
    num_blocks = min(-(-by_run.size * num_resamples // _LARGEST_BLOCK), num_resamples)
    estimates = [statistic(by_run[..., block]) for block in np.array_split(draws, max(num_blocks, 1))]
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(estimates, axis=-1), [tail, 1 - tail], axis=-1)
    return low, high
