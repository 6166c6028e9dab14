"""Points: what was measured of the runs in one place, with an interval, and how many seeds stand behind it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sparserl.report.figures.specs import NORMALIZED, Spec
from sparserl.report.normalization import Normalization, normalizations
from sparserl.report.statistics import (
    FEWEST_FOR_INTERVAL,
    estimate,
    interquartile_mean_over_tasks,
    mean_interval,
    run_scores,
)

if TYPE_CHECKING:
    from sparserl.report.runs import Run

Value = Callable[["Run"], float | None]


class Point(NamedTuple):
    """An estimate over seeds, and over environments where it is normalized; None is what is not known."""

    value: float | None
    low: float | None
    high: float | None
    values: tuple[float, ...]  # of single runs
    num_seeds: int  # with a value, of the environment that has fewest
    environments: tuple[str, ...]  # with a value
    num_diverged: int
    num_unfinished: int
    num_not_normalized: int


class Measure(NamedTuple):
    """How `y` of a figure is had of a run, and how returns were normalized, by experiment."""

    value: Value
    normalizations: Mapping[str, Normalization]


def measure_of(spec: Spec, runs: Sequence["Run"]) -> Measure:
    """`runs`: all of the selection, those that returns are divided by among them."""
    if spec.y in NORMALIZED:
        known = normalizations(runs)
        return Measure(lambda run: known[run.id.experiment](run.final_return), known)
    if spec.y == "mean_return":
        return Measure(_mean_over_training, {})
    return Measure(lambda run: run.final_return, {})


def point_of(runs: Sequence["Run"], measure: Measure, over_tasks: bool = False) -> Point:
    """The interquartile mean over the runs of all environments, or else the mean over the seeds of one.

    Runs that have diverged, or have not finished, are left out and counted.
    """
    diverged = [run for run in runs if run.status is not None and run.status.status == "diverged"]
    finished = [run for run in runs if run.final_return is not None]
    by_task: dict[str, dict[int, float]] = {}
    for run in finished:
        if (value := measure.value(run)) is not None:
            by_task.setdefault(str(run.columns.get("environment")), {})[run.id.seed] = value
    values = tuple(value for seeds in by_task.values() for value in seeds.values())
    value, low, high = _estimate(by_task, values, over_tasks)
    num_seeds = min((len(seeds) for seeds in by_task.values()), default=0)
    num_unfinished = len(runs) - len(diverged) - len(finished)
    counts = len(diverged), num_unfinished, len(finished) - len(values)
    return Point(value, low, high, values, num_seeds, tuple(sorted(by_task)), *counts)


def _estimate(
    by_task: Mapping[str, Mapping[int, float]], values: Sequence[float], over_tasks: bool
) -> tuple[float | None, float | None, float | None]:
    if not values:
        return None, None, None
    if over_tasks:
        pooled = estimate(run_scores(by_task), interquartile_mean_over_tasks)
        return (None, None, None) if pooled is None else (pooled.value, pooled.low, pooled.high)
    if len(values) < FEWEST_FOR_INTERVAL:
        return float(np.mean(values)), None, None
    low, high = mean_interval(values)
    return float(np.mean(values)), float(low), float(high)


def _mean_over_training(run: "Run") -> float | None:
    returns = np.asarray(run.mean_return, np.float64)
    return float(returns.mean()) if len(returns) and np.isfinite(returns).all() else None
