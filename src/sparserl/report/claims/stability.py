"""Claim 12: how far the runs of PPO are apart, beside those of SAC."""

from collections.abc import Iterator, Sequence

import numpy as np

from sparserl.report.cells import final_return, matched
from sparserl.report.claims.findings import Part, above
from sparserl.report.claims.groups import Group, chosen
from sparserl.report.claims.sides import in_cells, lacking
from sparserl.report.statistics import difference

CLAIM = "Results of PPO are noisy; clear ones come from SAC and DQN"
NEEDS = "PPO and SAC with the same method and sparsity in the same environments"


def parts(group: Group) -> Iterator[Part]:
    """The spread over seeds as a share of the mean, of equal cells; `group` has the runs of all agents."""
    ppo, sac = (chosen(group.plain, agent=name) for name in ("ppo", "sac"))
    cells = matched(ppo, sac, ("method", "role"), final_return, ("agent", "network_kind"))
    positive = [
        task
        for task, ours, theirs in zip(cells.ours.tasks, cells.ours.values, cells.theirs.values, strict=False)
        if ours.mean() > 0 and theirs.mean() > 0 and min(len(ours), len(theirs)) > 1
    ]
    estimate = difference(cells.ours.of_tasks(positive), cells.theirs.of_tasks(positive), relative_spread)
    statement = "the spread of PPO's returns over seeds is a larger share of their mean than that of SAC's"
    rule = "the interval of the difference of standard deviations, each as a share of its mean, lies above 0"
    missing = lacking(cells.missing, (ppo, "PPO"), (sac, "SAC in the same environments"))
    yield Part(statement, rule, above(estimate, 0), estimate, in_cells(estimate), missing)


def relative_spread(by_task: Sequence[np.ndarray]) -> np.ndarray:
    """The standard deviation over runs as a share of the mean, averaged over tasks."""
    return np.mean([values.std(axis=-1, ddof=1) / values.mean(axis=-1) for values in by_task], axis=0)
