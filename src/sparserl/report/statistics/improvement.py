"""The probability that a run of one kind scores better than a run of another, which needs no common scale of tasks."""

from collections.abc import Sequence

import numpy as np

from sparserl.report.statistics.comparisons import sides_of
from sparserl.report.statistics.estimates import PERCENTILE, Estimate, first_scores
from sparserl.report.statistics.means import FEWEST_FOR_INTERVAL
from sparserl.report.statistics.resampling import critical_value, resampled
from sparserl.report.statistics.scores import RunScores

SCORE_INTERVAL = "score interval"
_NUM_HALVINGS = 60


def probability_of_improvement(ours: RunScores, theirs: RunScores, confidence: float = 0.95) -> Estimate | None:
    """The chance that a run of `ours` scores higher than one of `theirs` on the same task, ties being one half.

    It is the mean over the tasks that both have, and None where there is none (Agarwal et al. 2021, section 4.3; the
    statistic of Mann and Whitney). Its interval is Newcombe's (2006, "Confidence intervals for an effect size
    measure based on the Mann-Whitney statistic, part 2", method 5): all chances p that are no further from what was
    seen than 1.96 times the standard error that p itself would have; of 3 runs Student's t in place of
    1.96, as three are above three others by chance once in twenty times. It has a width where every run of one side is
    better, too; there the percentile interval has none, and of few runs it is far too narrow.
    """
    if (sides := sides_of(ours, theirs)) is None:
        return None
    here, there = sides.apart(sides.strata)
    value = float(improvement(here, there))
    if reason := sides.why_no_interval:
        return Estimate(value, None, None, SCORE_INTERVAL, *sides.about, reason=reason, left_out=sides.left_out)
    sizes = [(len(our), len(their)) for our, their in zip(here, there, strict=True)]
    free = np.inf if min(map(min, sizes)) > FEWEST_FOR_INTERVAL else sum(map(sum, sizes)) - 2 * len(sizes)
    factor = critical_value(free, confidence)
    low, high = (_end(value, outside, factor, sizes) for outside in (0.0, 1.0))
    return Estimate(value, low, high, SCORE_INTERVAL, *sides.about, left_out=sides.left_out)


def bootstrap_probability_of_improvement(
    ours: RunScores, theirs: RunScores, confidence: float = 0.95, seed: int = 0, num_resamples: int = 2_000
) -> Estimate | None:
    """The same chance with rliable's interval: percentiles of stratified bootstrap samples."""
    if (sides := sides_of(ours, theirs)) is None:
        return None
    here, there = sides.apart(sides.strata)
    value = float(improvement(here, there))
    if reason := sides.why_no_interval:
        return Estimate(value, None, None, PERCENTILE, *sides.about, reason=reason, left_out=sides.left_out)
    runs = [values[:, None] for values in (*here, *there)]
    over = lambda strata: improvement(*(first_scores(half) for half in (strata[: len(here)], strata[len(here) :])))
    drawn = resampled(runs, over, seed, num_resamples, rescaled=False)
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value, float(low), float(high), PERCENTILE, *sides.about, left_out=sides.left_out)


def improvement(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> np.ndarray:
    """The share of pairs of runs `[..., run]` in which ours is higher, half of the ties added; the mean over tasks."""
    shares = []
    for here, there in zip(ours, theirs, strict=True):
        signs = np.sign(here[..., :, None] - there[..., None, :])
        shares.append((1 + signs.mean(axis=(-2, -1))) / 2)
    return np.mean(shares, axis=0)


def _end(seen: float, outside: float, factor: float, sizes: Sequence[tuple[int, int]]) -> float:
    """The chance furthest towards `outside` that is `factor` of its standard errors from what was seen."""
    inside = seen
    for _ in range(_NUM_HALVINGS):
        middle = (inside + outside) / 2
        within = (middle - seen) ** 2 <= factor**2 * _variance(middle, sizes)
        inside, outside = (middle, outside) if within else (inside, middle)
    return (inside + outside) / 2


def _variance(chance: float, sizes: Sequence[tuple[int, int]]) -> float:
    """That of the mean over tasks where every task has this chance: Newcombe 2006, after Hanley and McNeil 1982."""
    rest = 1 - chance
    spread = rest / (2 - chance) + chance / (1 + chance)
    parts = [chance * rest / (n * m) * (1 + ((n + m) / 2 - 1) * spread) for n, m in sizes]
    return float(sum(parts)) / len(sizes) ** 2
