"""Scores of runs by task: ragged where tasks have different numbers of seeds, and what was done with diverged runs."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from sparserl.persistence import UserError

Treatment = Literal["excluded", "worst"]
"""What becomes of diverged runs: left out of every statistic and counted, or counted as the worst return there is."""


class RunScores(NamedTuple):
    """One finite score for each run, by task. Tasks without any run are not among them."""

    tasks: tuple[str, ...]
    values: tuple[np.ndarray, ...]  # [run] of each task, in the order of `seeds`
    seeds: tuple[tuple[int, ...], ...]
    num_diverged: int = 0
    treatment: Treatment = "excluded"

    @property
    def num_runs(self) -> int:
        """All runs with a score."""
        return sum(map(len, self.values))

    @property
    def num_seeds(self) -> tuple[int, int]:
        """The fewest and the most runs that a task has; 0 where there is no task."""
        counts = [len(values) for values in self.values]
        return (min(counts), max(counts)) if counts else (0, 0)

    def of_tasks(self, tasks: Sequence[str]) -> "RunScores":
        """Those of some tasks, in their order; runs that have diverged are counted as before."""
        places = [self.tasks.index(task) for task in tasks]
        chosen = tuple(self.values[place] for place in places), tuple(self.seeds[place] for place in places)
        return RunScores(tuple(tasks), *chosen, self.num_diverged, self.treatment)


def run_scores(
    by_task: Mapping[str, Mapping[int, float | None]],
    treatment: Treatment = "excluded",
    worst: Mapping[str, float] | None = None,
) -> RunScores:
    """The scores of runs by task and seed; None, or a number that is not finite, is a run that has diverged.

    The paper does not say what became of such runs. The house leaves them out of the mean and counts them
    ("excluded"), because no return is known of them; "worst" puts the lowest score of the task in their place, which
    is `worst[task]` or, where that is not given, the lowest that a run of these has. Where no run of a task has a
    score, the task is left out. Raises UserError for another treatment.
    """
    if treatment not in ("excluded", "worst"):
        raise UserError(field="treatment", value=treatment, allowed=("excluded", "worst"))
    tasks, values, seeds, num_diverged = [], [], [], 0
    for task, by_seed in sorted(by_task.items()):  # so that the order of rows moves no number
        known = {seed: float(score) for seed, score in sorted(by_seed.items()) if _is_known(score)}  # type: ignore[arg-type]
        num_diverged += len(by_seed) - len(known)
        if treatment == "worst":
            lowest = (worst or {}).get(task, min(known.values(), default=math.nan))
            known = {seed: known.get(seed, lowest) for seed in sorted(by_seed) if math.isfinite(lowest)}
        if known:
            tasks.append(task)
            values.append(np.array(list(known.values()), np.float64))
            seeds.append(tuple(known))
    return RunScores(tuple(tasks), tuple(values), tuple(seeds), num_diverged, treatment)


def _is_known(score: float | None) -> bool:
    return score is not None and math.isfinite(score)
