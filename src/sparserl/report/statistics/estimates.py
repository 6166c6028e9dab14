"""Estimates: an aggregate of runs with its interval, and how many seeds stand behind it."""

from typing import NamedTuple

import numpy as np

from sparserl.persistence import UserError
from sparserl.report.statistics.aggregates import Aggregate, interquartile_mean_over_tasks
from sparserl.report.statistics.resampling import (
    OverStrata,
    Strata,
    critical_value,
    degrees_of_freedom,
    resampled,
    why_no_interval,
)
from sparserl.report.statistics.scores import RunScores, Treatment

T_INTERVAL, PERCENTILE = (
    "t-interval, stratified bootstrap",
    "percentile interval, stratified bootstrap",
)  # kinds, in words
NUM_RESAMPLES = 2_000


class About(NamedTuple):
    """What stands behind a number."""

    num_seeds: tuple[int, int]  # the fewest and the most runs of a task
    num_tasks: int
    num_diverged: int
    treatment: Treatment  # of diverged runs


class Estimate(NamedTuple):
    """A number over runs, with the ends of its 95 % interval unless another confidence was asked for."""

    value: float
    low: float | None  # None: there is no interval, and `reason` says why
    high: float | None
    interval: str  # what kind of interval it is, in words
    num_seeds: tuple[int, int]  # the fewest and the most runs of a task
    num_tasks: int
    num_diverged: int = 0
    treatment: Treatment = "excluded"  # of diverged runs
    reason: str = ""  # why there is no interval
    left_out: tuple[str, ...] = ()  # tasks that a comparison leaves out, because one side has no runs of them

    @property
    def ends(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)


def estimate(
    scores: RunScores,
    aggregate: Aggregate = interquartile_mean_over_tasks,
    confidence: float = 0.95,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
) -> Estimate | None:
    """An aggregate of runs with its t-interval; None where there is no run.

    That is estimate -+ t s, where s is the standard deviation of the aggregate over stratified bootstrap samples whose
    deviations from the mean of their task are sqrt(n / (n - 1)) as large, so that s is unbiased for means, and t has
    the degrees of freedom of Welch and Satterthwaite over tasks: of the mean of one task, Student's interval. Over
    normal scores it covers the truth as often as it says, from 3 seeds on, of an optimality gap, which cuts scores off,
    in 92 % of cases; of exponential ones in 88 to 95 % with 10 seeds. `seed` fixes the draws.
    Source: Davison and Hinkley 1997, "Bootstrap Methods and their Application", chapters 2 and 3; Satterthwaite 1946.
    """
    if not scores.num_runs:
        return None
    return interval_of(_strata(scores), _over(aggregate), _about(scores), confidence, seed, num_resamples)


def interval_of(
    strata: Strata,
    statistic: OverStrata,
    about: About,
    confidence: float = 0.95,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
    num_sides: int = 1,
) -> Estimate:
    """A statistic of strata with its t-interval, as `estimate` has it."""
    _check(confidence, num_resamples)
    value = float(statistic(strata))
    if reason := why_no_interval([len(units) for units in strata], num_sides):
        return Estimate(value, None, None, T_INTERVAL, *about, reason=reason)
    drawn = resampled(strata, statistic, seed, num_resamples, rescaled=True)
    width = critical_value(degrees_of_freedom(strata, statistic), confidence) * float(drawn.std(ddof=1))
    return Estimate(value, float(value - width), float(value + width), T_INTERVAL, *about)


def bootstrap_estimate(
    scores: RunScores,
    aggregate: Aggregate = interquartile_mean_over_tasks,
    confidence: float = 0.95,
    seed: int = 0,
    num_resamples: int = NUM_RESAMPLES,
) -> Estimate | None:
    """The same aggregate with rliable's interval, percentiles of stratified bootstrap samples.

    It is too narrow of few seeds (of one task at 95 %: 0.75 with 3 seeds, 0.90 with 10).
    """
    if not scores.num_runs:
        return None
    _check(confidence, num_resamples)
    strata, statistic, about = _strata(scores), _over(aggregate), _about(scores)
    value = float(statistic(strata))
    if reason := why_no_interval([len(units) for units in strata]):
        return Estimate(value, None, None, PERCENTILE, *about, reason=reason)
    drawn = resampled(strata, statistic, seed, num_resamples, rescaled=False)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value, float(low), float(high), PERCENTILE, *about)


def _check(confidence: float, num_resamples: int) -> None:
    if not 0 < confidence < 1 or num_resamples < 2:
        raise UserError("a bootstrap interval needs a confidence within (0, 1) and at least two resamples")


def _strata(scores: RunScores) -> list[np.ndarray]:
    return [values[:, None] for values in scores.values]


def _over(aggregate: Aggregate) -> OverStrata:
    return lambda drawn: aggregate(first_scores(drawn))


def _about(scores: RunScores) -> About:
    return About(scores.num_seeds, len(scores.tasks), scores.num_diverged, scores.treatment)


def first_scores(strata: Strata) -> list[np.ndarray]:
    """`[..., run]` of each stratum."""
    return [units[..., 0] for units in strata]
