"""Comparisons at equal cost: of equal numbers of parameters, of equal FLOPs, and after equal seconds.

A sparse method is set against dense networks: at equal parameters against those that match it, at equal FLOPs against
the dense network of as many live multiplications, and at equal seconds against any other runs, cut off together.
Never are runs of another length, results version or preset set beside ours, nor ours of several put together.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sparserl.parts import mean_of_last
from sparserl.report.cells import (
    Value,
    experiments_of,
    final_return,
    has_diverged,
    matched,
    scores_by,
)
from sparserl.report.provenance import goes_with, of_several_machines, several_origins
from sparserl.report.roles import MATCHED
from sparserl.report.runs import Run
from sparserl.report.statistics import (
    Estimate,
    RunScores,
    difference,
    mean_over_tasks,
    probability_of_improvement,
    ratio,
    run_scores,
)
from sparserl.report.statistics.aggregates import Aggregate

_ALIKE = 0.02  # of FLOPs: as near as widths of dense networks come
_FINAL_FRACTION = 0.1
_MADE_BY = ("total_steps", "results_version", "preset")  # dense networks have no weights to store in another way


class Comparison(NamedTuple):
    """Two kinds of runs at equal cost; estimates are None where there is nothing to compare, and `missing` says why."""

    at: str  # what is equal, in words
    difference: Estimate | None
    ratio: Estimate | None
    improvement: Estimate | None  # None, too, where one side is between two networks, which is no run
    missing: tuple[str, ...] = ()
    num_runs: tuple[int, int] = (0, 0)  # behind the difference: ours and theirs


def at_equal_parameters(
    ours: Sequence[Run],
    dense: Sequence[Run],
    among: Sequence[str] = (),
    value: Value = final_return,
    aggregate: Aggregate = mean_over_tasks,
) -> Comparison:
    """Sparse networks beside the dense ones that match their numbers of live parameters, or share out their budget."""
    at = "as many parameters"
    if mixed := several_origins(ours):
        return Comparison(at, None, None, None, mixed)
    shared_out = {share for run in ours if (share := share_of_budget(run)) is not None}
    matching = [run for run in dense if run.columns.get("role") == MATCHED or share_of_budget(run) in shared_out]
    cells = matched(ours, matching, (*among, *_MADE_BY), value)
    return _compared(at, cells.ours, cells.theirs, aggregate, cells.missing)


def at_equal_flops(
    ours: Sequence[Run],
    dense: Sequence[Run],
    value: Value = final_return,
    aggregate: Aggregate = mean_over_tasks,
) -> Comparison:
    """Sparse networks beside dense ones of as many live multiplications for an observation.

    Where no dense network of an environment is within 2 %, it is between the next smaller and the next larger one, on
    a logarithmic scale, seed by seed; nothing is drawn out beyond the smallest and the largest.
    """
    at = "as many FLOPs"
    if mixed := several_origins(ours):
        return Comparison(at, None, None, None, mixed)
    here, there, missing, between = {}, {}, [], False
    for name, own in experiments_of(ours).items():
        columns = own[0].columns
        sizes = _by_flops(run for run in dense if _alike(run, columns) and run.columns.get("budget") is None)
        needed = columns.get("live_macs")
        level = None if not needed else _at(sizes, float(needed), value)
        if level is None:
            missing.append(f"{columns['environment']}: no dense network of as many FLOPs, nor two around them")
            continue
        between = between or level[1]
        here[name] = {run.id.seed: None if has_diverged(run) else value(run) for run in own if _counts(run, value)}
        there[name] = level[0]
    comparison = _compared(at, run_scores(here), run_scores(there), aggregate, missing)
    return comparison._replace(improvement=None) if between else comparison


def at_equal_seconds(ours: Sequence[Run], theirs: Sequence[Run], aggregate: Aggregate = mean_over_tasks) -> Comparison:
    """Two kinds of runs after as many seconds of training: those of the run of an environment that took the fewest.

    A score is the mean over the last tenth of the evaluations that a run had by then. There is to be one experiment of
    each kind in an environment. Seconds are those of the machines that trained: runs of one kind of machine compare.
    """
    at = "as many seconds"
    theirs = [run for run in theirs if ours and goes_with(run.columns, ours[0].columns)]
    if mixed := several_origins(ours) or of_several_machines([*ours, *theirs]):
        return Comparison(at, None, None, None, mixed)
    budgets = {}
    for environment in {str(run.columns["environment"]) for run in (*ours, *theirs)}:
        ends = [_last_second(run) for run in (*ours, *theirs) if run.columns["environment"] == environment]
        budgets[environment] = min((end for end in ends if end is not None), default=math.nan)
    after = lambda run: return_after(run, budgets[str(run.columns["environment"])])
    value = lambda run: None if run.final_return is None else after(run)  # one that goes on has not had its seconds yet
    key = lambda run: str(run.columns["environment"])
    sides = scores_by(ours, key, value), scores_by(theirs, key, value)
    missing = () if set(sides[0].tasks) & set(sides[1].tasks) else ("runs of both that tell their seconds",)
    return _compared(at, sides[0], sides[1], aggregate, missing)


def share_of_budget(run: Run) -> tuple[Any, Any] | None:
    """The part of a standard network's parameters that is alive, and the actor's share of it; None without a budget."""
    budget = run.columns.get("budget")
    return None if budget is None else (budget, run.columns.get("actor_share"))


def return_after(run: Run, seconds: float) -> float | None:
    """The mean over the last tenth of the evaluations that a run had after so many seconds; None where it had none."""
    returns = [float(each) for each in run.mean_return[run.seconds <= seconds]]
    if not returns or not all(map(math.isfinite, returns)):
        return None
    return mean_of_last(returns, run.columns.get("evaluation.final_fraction") or _FINAL_FRACTION)


def _compared(at: str, ours: RunScores, theirs: RunScores, aggregate: Aggregate, missing: Iterable[str]) -> Comparison:
    shared = [task for task in ours.tasks if task in theirs.tasks]
    estimates = difference(ours, theirs, aggregate), ratio(ours, theirs, aggregate)
    num_runs = ours.of_tasks(shared).num_runs, theirs.of_tasks(shared).num_runs
    chance = probability_of_improvement(ours, theirs)
    return Comparison(at, *estimates, chance, tuple(dict.fromkeys(missing)), num_runs)


def _last_second(run: Run) -> float | None:
    """How long a finished run took; None where that is not known, and of others, which say nothing of it."""
    known = run.seconds[run.seconds == run.seconds]
    return float(known[-1]) if len(known) and final_return(run) is not None else None


def _alike(run: Run, columns: Mapping[str, Any]) -> bool:
    names = ("agent", "network_kind", "environment", *_MADE_BY)
    return all(run.columns.get(name) == columns.get(name) for name in names)


def _counts(run: Run, value: Value) -> bool:
    return has_diverged(run) or value(run) is not None


def _by_flops(dense: Iterable[Run]) -> dict[float, list[list[Run]]]:
    """Dense experiments by their live multiplications."""
    sizes: dict[float, list[list[Run]]] = {}
    for own in experiments_of(dense).values():
        if size := own[0].columns.get("live_macs"):
            sizes.setdefault(float(size), []).append(own)
    return sizes


def _at(
    sizes: Mapping[float, Sequence[Sequence[Run]]], needed: float, value: Value
) -> tuple[dict[int, float | None], bool] | None:
    """The scores by seed at a number of multiplications, and whether they are between two networks."""
    single = {size: alike[0] for size, alike in sizes.items() if len(alike) == 1}  # several differ in other choices
    if not single:
        return None
    nearest = min(single, key=lambda size: abs(math.log(size / needed)))
    if abs(nearest / needed - 1) <= _ALIKE:
        return {run.id.seed: value(run) for run in single[nearest] if _counts(run, value)}, False
    below, above = [size for size in single if size < needed], [size for size in single if size > needed]
    if not below or not above:
        return None
    low, high = max(below), min(above)
    share = math.log(needed / low) / math.log(high / low)
    small, large = ({run.id.seed: value(run) for run in single[size]} for size in (low, high))
    seeds = [seed for seed in small if small[seed] is not None and large.get(seed) is not None]
    return {seed: (1 - share) * small[seed] + share * large[seed] for seed in seeds}, True  # type: ignore[operator]
