"""Comparisons of two sets of runs by an aggregate: how much larger one is, and what share of the other it is.

Tasks of which one side has no runs are left out, and named. Where both sides have runs of the same seeds in every
task, they are compared in pairs: the bootstrap draws seeds, and both runs of a seed come with it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sparserl.report.statistics.aggregates import Aggregate, mean_over_tasks
from sparserl.report.statistics.estimates import T_INTERVAL, About, Estimate, interval_of
from sparserl.report.statistics.resampling import (
    OverStrata,
    Strata,
    critical_value,
    degrees_of_freedom,
    resampled,
    why_no_interval,
)
from sparserl.report.statistics.scores import RunScores


class Sides(NamedTuple):
    """Two sets of runs of the same tasks, ready to be drawn from."""

    strata: Strata  # of pairs by task, or of our runs by task and then of theirs
    apart: Callable[[Strata], tuple[list[np.ndarray], list[np.ndarray]]]  # our scores and theirs, by task
    about: About
    left_out: tuple[str, ...]
    is_paired: bool

    @property
    def why_no_interval(self) -> str:
        """Why these runs are too few for one; empty where they are not."""
        return why_no_interval([len(units) for units in self.strata], 1 if self.is_paired else 2)


def difference(
    ours: RunScores, theirs: RunScores, aggregate: Aggregate = mean_over_tasks, seed: int = 0
) -> Estimate | None:
    """By how much the aggregate of `ours` exceeds that of `theirs`; None where they share no task.

    Its interval is that of `estimate`: of means of unpaired runs Welch's, of pairs Student's.
    """
    if (sides := sides_of(ours, theirs)) is None:
        return None
    over: OverStrata = lambda strata: np.subtract(*map(aggregate, sides.apart(strata)))
    interval = interval_of(sides.strata, over, sides.about, seed=seed, num_sides=1 if sides.is_paired else 2)
    return interval._replace(left_out=sides.left_out)


def ratio(
    ours: RunScores,
    theirs: RunScores,
    aggregate: Aggregate = mean_over_tasks,
    seed: int = 0,
    confidence: float = 0.95,
    num_resamples: int = 2_000,
) -> Estimate | None:
    """The aggregate of `ours` divided by that of `theirs`; None where they share no task or theirs is not above 0.

    The interval holds every ratio r for which 0 lies in the t-interval of ours - r theirs, with variances and
    covariance from stratified bootstrap samples of both (Fieller 1954); there is none where 0 cannot be told from
    theirs, as the ratio may then be anything.
    """
    sides = sides_of(ours, theirs)
    if sides is None or (value := float(aggregate(sides.apart(sides.strata)[1]))) <= 0:
        return None
    quotient = float(aggregate(sides.apart(sides.strata)[0])) / value
    if reason := sides.why_no_interval:
        return Estimate(quotient, None, None, T_INTERVAL, *sides.about, reason=reason, left_out=sides.left_out)
    both: OverStrata = lambda strata: np.stack([aggregate(side) for side in sides.apart(strata)])
    spread = np.cov(resampled(sides.strata, both, seed, num_resamples, rescaled=True))
    balance: OverStrata = lambda strata: np.tensordot([1.0, -quotient], both(strata), 1)
    factor = critical_value(degrees_of_freedom(sides.strata, balance), confidence)
    ends = _fieller(quotient * value, value, spread * factor**2)
    if ends is None:
        reason = "what it is divided by cannot be told from 0"
        return Estimate(quotient, None, None, T_INTERVAL, *sides.about, reason=reason, left_out=sides.left_out)
    return Estimate(quotient, ends[0], ends[1], T_INTERVAL, *sides.about, left_out=sides.left_out)


def _fieller(above: float, below: float, margin: np.ndarray) -> tuple[float, float] | None:
    """The roots r of (above - r below)^2 = the squared margin of that difference; None where they bound nothing."""
    square, cross, rest = (
        below**2 - margin[1, 1],
        above * below - margin[0, 1],
        above**2 - margin[0, 0],
    )
    if square <= 0:
        return None
    root = np.sqrt(max(cross**2 - square * rest, 0.0))
    return float((cross - root) / square), float((cross + root) / square)


def contrast(
    ours: RunScores, theirs: RunScores, aggregate: Aggregate = mean_over_tasks, seed: int = 0
) -> Estimate | None:
    """The difference of two aggregates over tasks of their own, whatever these are called; None where one has none."""
    if not ours.tasks or not theirs.tasks:
        return None
    sides = _unpaired(ours, theirs, ())
    over: OverStrata = lambda strata: np.subtract(*map(aggregate, sides.apart(strata)))
    return interval_of(sides.strata, over, sides.about, seed=seed, num_sides=2)


def sides_of(ours: RunScores, theirs: RunScores) -> Sides | None:
    """Both sides with the tasks that they share, in the order of `ours`; None where they share none."""
    tasks = [task for task in ours.tasks if task in theirs.tasks]
    if not tasks:
        return None
    left_out = tuple(task for task in (*ours.tasks, *theirs.tasks) if task not in tasks)
    here, there = ours.of_tasks(tasks), theirs.of_tasks(tasks)
    if here.seeds != there.seeds:
        return _unpaired(here, there, left_out)
    pairs = [np.stack(both, axis=-1) for both in zip(here.values, there.values, strict=True)]
    return Sides(pairs, _halves_of_pairs, _about(here, there), left_out, True)


def _unpaired(here: RunScores, there: RunScores, left_out: tuple[str, ...]) -> Sides:
    runs = [values[:, None] for values in (*here.values, *there.values)]
    return Sides(runs, lambda strata: _halves(strata, len(here.tasks)), _about(here, there), left_out, False)


def _about(here: RunScores, there: RunScores) -> About:
    counts = *here.num_seeds, *there.num_seeds
    num_tasks, num_diverged = max(len(here.tasks), len(there.tasks)), here.num_diverged + there.num_diverged
    return About((min(counts), max(counts)), num_tasks, num_diverged, here.treatment)


def _halves_of_pairs(strata: Strata) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return [pairs[..., 0] for pairs in strata], [pairs[..., 1] for pairs in strata]


def _halves(strata: Strata, num_tasks: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    scores = [units[..., 0] for units in strata]
    return scores[:num_tasks], scores[num_tasks:]
