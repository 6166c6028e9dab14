"""Statistics over runs and tasks: estimates with intervals, profiles, comparisons. Seeds are the unit, never episodes.

Arrays in, numbers out: nothing here reads files. What is drawn at random is drawn from a seed, so that equal scores
give equal numbers.
"""

from sparserl.report.statistics.aggregates import (
    AGGREGATES,
    Aggregate,
    interquartile_mean_over_tasks,
    mean_over_tasks,
    median_over_tasks,
    optimality_gap,
)
from sparserl.report.statistics.comparisons import contrast, difference, ratio
from sparserl.report.statistics.estimates import Estimate, bootstrap_estimate, estimate
from sparserl.report.statistics.improvement import bootstrap_probability_of_improvement, probability_of_improvement
from sparserl.report.statistics.means import (
    FEW,
    FEWEST_FOR_INTERVAL,
    METHOD,
    Statistic,
    bootstrap_interval,
    interquartile_mean,
    mean,
    mean_interval,
)
from sparserl.report.statistics.profiles import Profile, bootstrap_performance_profile, performance_profile
from sparserl.report.statistics.scores import RunScores, Treatment, run_scores
from sparserl.report.statistics.wording import few_seeds_warning, in_words

__all__ = [
    "AGGREGATES",
    "FEW",
    "FEWEST_FOR_INTERVAL",
    "METHOD",
    "Aggregate",
    "Estimate",
    "Profile",
    "RunScores",
    "Statistic",
    "Treatment",
    "bootstrap_estimate",
    "bootstrap_interval",
    "bootstrap_performance_profile",
    "bootstrap_probability_of_improvement",
    "contrast",
    "difference",
    "estimate",
    "few_seeds_warning",
    "in_words",
    "interquartile_mean",
    "interquartile_mean_over_tasks",
    "mean",
    "mean_interval",
    "mean_over_tasks",
    "median_over_tasks",
    "optimality_gap",
    "performance_profile",
    "probability_of_improvement",
    "ratio",
    "run_scores",
]
