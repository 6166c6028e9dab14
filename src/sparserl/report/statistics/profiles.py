"""Performance profiles: the share of runs that score above a threshold, for every threshold."""

from typing import NamedTuple

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from sparserl.report.statistics.estimates import PERCENTILE
from sparserl.report.statistics.improvement import SCORE_INTERVAL
from sparserl.report.statistics.resampling import resampled
from sparserl.report.statistics.scores import RunScores


class Profile(NamedTuple):
    """The distribution of the scores of runs: how many of them exceed each threshold; every task counts alike."""

    thresholds: np.ndarray  # [threshold]
    shares: np.ndarray  # [threshold], each within [0, 1]
    low: np.ndarray  # [threshold]: ends of the interval at each threshold by itself
    high: np.ndarray
    interval: str  # what kind of interval it is, in words
    num_seeds: tuple[int, int]
    num_tasks: int
    num_diverged: int
    treatment: str


def performance_profile(scores: RunScores, thresholds: ArrayLike, confidence: float = 0.95) -> Profile | None:
    """The run-score distribution of Agarwal et al. 2021, section 4.3, at `thresholds`; None where there is no run.

    Its interval is Wilson's for a share (1927), with as many runs as have the variance of a mean over tasks; it has a
    width where no run or every run exceeds a threshold, too.
    """
    if not scores.num_runs:
        return None
    above = _above(scores, thresholds)
    ends = _wilson(_by_task(above), np.array([len(values) for values in scores.values]), confidence)
    return _profile(scores, thresholds, above, ends, SCORE_INTERVAL)


def bootstrap_performance_profile(
    scores: RunScores, thresholds: ArrayLike, confidence: float = 0.95, seed: int = 0, num_resamples: int = 2_000
) -> Profile | None:
    """The same distribution with rliable's interval: percentiles of stratified bootstrap samples."""
    if not scores.num_runs:
        return None
    above = _above(scores, thresholds)
    over = lambda strata: np.mean([exceeding.mean(axis=-2) for exceeding in strata], axis=0)
    drawn = resampled(above, over, seed, num_resamples, rescaled=False)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    return _profile(scores, thresholds, above, (low, high), PERCENTILE)


def _above(scores: RunScores, thresholds: ArrayLike) -> list[np.ndarray]:
    """1 where a run exceeds a threshold, else 0: `[run, threshold]` of each task."""
    return [(values[:, None] > np.asarray(thresholds, np.float64)).astype(np.float64) for values in scores.values]


def _by_task(above: list[np.ndarray]) -> np.ndarray:
    return np.stack([exceeding.mean(axis=0) for exceeding in above])


def _profile(
    scores: RunScores,
    thresholds: ArrayLike,
    above: list[np.ndarray],
    ends: tuple[np.ndarray, np.ndarray],
    interval: str,
) -> Profile:
    about = scores.num_seeds, len(scores.tasks), scores.num_diverged, scores.treatment
    places, shares = np.asarray(thresholds, np.float64), _by_task(above).mean(axis=0)
    return Profile(places, shares, ends[0], ends[1], interval, *about)


def _wilson(by_task: np.ndarray, sizes: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Both ends, from the shares of each task, `[task, threshold]`, and its number of runs.

    The variance takes shares with one run added on either side of the threshold, so that it is never 0.
    """
    runs = sizes[:, None]
    guarded = (runs * by_task + 1) / (runs + 2)
    variance = (guarded * (1 - guarded) / runs).sum(axis=0) / len(sizes) ** 2
    middle = guarded.mean(axis=0)
    alike = middle * (1 - middle) / variance  # runs of one task with that variance
    share, normal = by_task.mean(axis=0), float(scipy.special.ndtri((1 + confidence) / 2))
    shrunk = 1 / (1 + normal**2 / alike)
    centre = shrunk * (share + normal**2 / (2 * alike))
    width = shrunk * normal * np.sqrt(share * (1 - share) / alike + normal**2 / (4 * alike**2))
    return np.clip(centre - width, 0, 1), np.clip(centre + width, 0, 1)
