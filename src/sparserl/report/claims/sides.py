"""Sides: how the scores of two kinds of runs of a group are set against each other, and what is missing for it."""

from collections.abc import Callable, Sequence

from sparserl.report.cells import Value, final_return, matched
from sparserl.report.claims.findings import Part, above
from sparserl.report.claims.groups import Group
from sparserl.report.runs import Run
from sparserl.report.statistics import (
    Estimate,
    difference,
    interquartile_mean_over_tasks,
    probability_of_improvement,
    ratio,
)

ABOVE_HALF = "the interval of the chance that a run is better lies above 1/2"
_MOST_LACKS = 6  # that are named


def better(
    group: Group,
    ours: Sequence[Run],
    theirs: Sequence[Run],
    statement: str,
    sides: tuple[str, str],
    but: Sequence[str] = (),
    value: Value = final_return,
) -> Part:
    """Whether a run of ours is more often better than one of theirs in cells that both have.

    `sides` are what both are called where there are none; `but` what `matched` does not compare cells by.
    """
    cells = matched(ours, theirs, group.among, value, but)
    estimate = probability_of_improvement(cells.ours, cells.theirs)
    missing = lacking(cells.missing, (ours, sides[0]), (theirs, sides[1]))
    return Part(statement, ABOVE_HALF, above(estimate, 0.5), estimate, in_cells(estimate), missing)


def lacking(cells: Sequence[str], *sides: tuple[Sequence[Run], str]) -> tuple[str, ...]:
    """What is missing: sides without a run, or else cells."""
    lacks = [f"runs of {name}" for runs, name in sides if not runs] or list(dict.fromkeys(cells))
    more = len(lacks) - _MOST_LACKS
    return (*lacks[:_MOST_LACKS], *([f"{more} more of that kind"] if more > 0 else []))


def in_cells(estimate: Estimate | None) -> str:
    """`4 cells`: combinations of environment, sparsity and so on that the number is over."""
    return "" if estimate is None or estimate.num_tasks == 1 else f"{estimate.num_tasks} cells"


def share_kept(
    group: Group, ours: Sequence[Run], theirs: Sequence[Run], but: Sequence[str] = ()
) -> tuple[Estimate | None, tuple[str, ...]]:
    """What share of theirs the interquartile mean of our normalized returns is, and what is missing for it.

    Of a single environment without a normalization, that of returns as they are.
    """
    return _compared(ratio, group, ours, theirs, but)


def lost(
    group: Group, ours: Sequence[Run], theirs: Sequence[Run], but: Sequence[str] = ()
) -> tuple[Estimate | None, tuple[str, ...]]:
    """By how much the interquartile mean of our normalized returns exceeds theirs, and what is missing for it."""
    return _compared(difference, group, ours, theirs, but)


def _compared(
    compare: Callable[..., Estimate | None],
    group: Group,
    ours: Sequence[Run],
    theirs: Sequence[Run],
    but: Sequence[str],
) -> tuple[Estimate | None, tuple[str, ...]]:
    cells = matched(ours, theirs, group.among, group.normalized, but)
    raw = matched(ours, theirs, group.among, final_return, but)
    if not cells.ours.tasks and len({run.columns["environment"] for run in (*ours, *theirs)}) == 1:
        cells = raw
    estimate = compare(cells.ours, cells.theirs, interquartile_mean_over_tasks)
    problems = {
        group.normal[run.id.experiment].problem for run in (*ours, *theirs) if run.id.experiment in group.normal
    }
    reasons = tuple(sorted(filter(None, problems))) if estimate is None else ()
    if estimate is None and raw.ours.tasks and not reasons:
        reasons = ("a share of what is not above 0 says nothing",)
    return estimate, (*cells.missing, *reasons)
