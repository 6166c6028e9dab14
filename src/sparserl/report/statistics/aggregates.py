"""Aggregates: one number for the runs of several tasks, each task counting alike however many runs it has.

Of equal numbers of runs they are those of Agarwal et al. 2021, "Deep Reinforcement Learning at the Edge of the
Statistical Precipice", section 4.3, and of the library rliable.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sparserl.report.statistics.means import interquartile_mean

Aggregate = Callable[[Sequence[np.ndarray]], np.ndarray]
"""Scores `[..., run]` of each task in, `[...]` out."""


def mean_over_tasks(by_task: Sequence[np.ndarray]) -> np.ndarray:
    """The mean over tasks of the mean over runs."""
    return _task_means(by_task).mean(axis=0)


def median_over_tasks(by_task: Sequence[np.ndarray]) -> np.ndarray:
    """The median over tasks of the mean over runs, so that of a single task it is the mean."""
    return np.median(_task_means(by_task), axis=0)


def interquartile_mean_over_tasks(by_task: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of the middle half of the runs of all tasks: int(n / 4) of n runs are dropped at each end.

    Where tasks have different numbers of runs, the same share of the whole weight is dropped at each end, the weight of
    a task being shared among its runs.
    """
    pooled = np.concatenate(by_task, axis=-1)
    sizes = [values.shape[-1] for values in by_task]
    if len(set(sizes)) == 1:
        return interquartile_mean(pooled)
    weights = np.concatenate([np.full(size, 1 / (size * len(sizes))) for size in sizes])
    order = np.argsort(pooled, axis=-1, kind="stable")
    in_order, weight = np.take_along_axis(pooled, order, axis=-1), weights[order]
    dropped = (sum(sizes) // 4) / sum(sizes)
    ends = np.cumsum(weight, axis=-1)
    kept = np.clip(np.minimum(ends, 1 - dropped) - np.maximum(ends - weight, dropped), 0, None)
    return (kept * in_order).sum(axis=-1) / kept.sum(axis=-1)


def optimality_gap(by_task: Sequence[np.ndarray], target: float = 1.0) -> np.ndarray:
    """By how much runs fall short of `target`, on average; what exceeds it makes up for nothing. Lower is better."""
    return target - _task_means([np.minimum(values, target) for values in by_task]).mean(axis=0)


def _task_means(by_task: Sequence[np.ndarray]) -> np.ndarray:
    """[task, ...]"""
    return np.stack([values.mean(axis=-1) for values in by_task])


AGGREGATES: Mapping[str, Aggregate] = {
    "mean": mean_over_tasks,
    "median": median_over_tasks,
    "interquartile mean": interquartile_mean_over_tasks,
    "optimality gap": optimality_gap,
}
"""All of them, by the name that figures and tables give them."""
