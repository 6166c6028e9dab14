"""Statistics over seeds: the interquartile mean and bootstrap intervals, in NumPy, reproducible."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from sparserl.persistence import UserError

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


def bootstrap_interval(
    values: ArrayLike,
    seed: int,
    confidence: float = 0.95,
    num_resamples: int = 10_000,
    statistic: Statistic = mean,
) -> tuple[np.ndarray, np.ndarray]:
    """The lower and upper end of a percentile bootstrap interval for `statistic` over runs.

    `values` is `[run, ...]`; whole runs are drawn with replacement, the same for every entry of the other axes, which
    the two results keep. `seed` fixes the draws. Few runs make such intervals too narrow; show how many there were.
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
