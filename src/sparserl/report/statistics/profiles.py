"""Performance profiles: the share of runs that score above a threshold, for every threshold."""

from typing import Literal, NamedTuple

import numpy as np
import scipy.special
from numpy.typing import ArrayLike

from sparserl.persistence import UserError
from sparserl.report.statistics.estimates import INTERVALS
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


def performance_profile(
    scores: RunScores,
    thresholds: ArrayLike,
    interval: Literal["score", "percentile"] = "score",
    confidence: float = 0.95,
    seed: int = 0,
    num_resamples: int = 2_000,
) -> Profile | None:
    """The run-score distribution of Agarwal et al. 2021, section 4.3, at `thresholds`; None where there is no run.

    "score" is Wilson's interval for a share (1927), with as many runs as have the variance of a mean over tasks; it has
    a width where no run or every run exceeds a threshold, too. "percentile" is rliable's stratified bootstrap.
    """
    if interval not in ("score", "percentile"):
        raise UserError(field="interval", value=interval, allowed=("score", "percentile"))
    if not scores.num_runs:
        return None
    places = np.asarray(thresholds, np.float64)
    above = [(values[:, None] > places).astype(np.float64) for values in scores.values]
    by_task = np.stack([exceeding.mean(axis=0) for exceeding in above])
    shares = by_task.mean(axis=0)
    if interval == "score":
        low, high = _wilson(by_task, np.array([len(values) for values in scores.values]), confidence)
    else:
        over = lambda strata: np.mean([exceeding.mean(axis=-2) for exceeding in strata], axis=0)
        drawn = resampled(above, over, seed, num_resamples, rescaled=False)
        low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    kind = SCORE_INTERVAL if interval == "score" else INTERVALS["percentile"]
    about = scores.num_seeds, len(scores.tasks), scores.num_diverged, scores.treatment
    return Profile(places, shares, low, high, kind, *about)


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
