"""Sides: how the scores of two kinds of runs of a group are set against each other, and what is missing for it."""

from collections.abc import Callable, Mapping, Sequence

from sparserl.report.cells import Value, final_return, matched, scores_of
from sparserl.report.claims.findings import Part, about, above, near
from sparserl.report.claims.groups import Group, chosen
from sparserl.report.runs import Run
from sparserl.report.statistics import (
    FEWEST_FOR_INTERVAL,
    Estimate,
    contrast,
    difference,
    in_words,
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


def lead(of: Mapping[float, Sequence[Run]], wanted: float | None) -> Estimate | None:
    """How far the mean return of one choice is above that of the best of the others; each has runs of one experiment.

    None where there are no finished runs of it, or of any other.
    """
    scores = {value: scores_of(runs) for value, runs in of.items()}
    means = {value: float(own.values[0].mean()) for value, own in scores.items() if own.tasks}
    others = {value: mean for value, mean in means.items() if value != wanted}
    if wanted not in means or not others:
        return None
    return contrast(scores[wanted], scores[max(others, key=lambda value: others[value])])


def as_good(
    group: Group,
    ours: Sequence[Run],
    theirs: Sequence[Run],
    statement: str,
    sides: tuple[str, str],
    margin: float,
    but: Sequence[str] = (),
) -> Part:
    """Whether neither is better: not over all cells that both have, and in no environment by itself.

    The mean over environments alone would hide one where a side is ahead, and two that point apart. An environment
    stands apart where its chance is further than `margin` from 1/2, and so is its interval, which leaves out 1/2.
    """
    part = better(group, ours, theirs, statement, sides, but)
    chances = in_environments(group, ours, theirs, but)
    apart = {name: chance for name, chance in chances.items() if _is_apart(chance, margin)}
    verdict = "does not hold" if apart else about(part.estimate, 0.5, margin)
    detail = "; ".join(f"{name} stands apart, {in_words(chance)}" for name, chance in apart.items())
    rule = f"{near('the chance that a run is better', '1/2', margin)}, and no environment stands apart from 1/2"
    return part._replace(rule=rule, verdict=verdict, detail=", ".join(filter(None, (part.detail, detail))))


def in_environments(
    group: Group, ours: Sequence[Run], theirs: Sequence[Run], but: Sequence[str] = ()
) -> dict[str, Estimate]:
    """The chance that a run of ours is better than one of theirs, in each environment that both have cells of.

    Their intervals are surer than chance over all of them allows: with k environments, of 1 - 0.05 / k (Bonferroni).
    """
    chances = {}
    environments = dict.fromkeys(run.columns["environment"] for run in ours)
    both = environments.keys() & {run.columns["environment"] for run in theirs}
    confidence = 1 - 0.05 / max(len(both), 1)
    for environment in environments:
        here, there = (chosen(runs, environment=environment) for runs in (ours, theirs))
        cells = matched(here, there, group.among, final_return, but)
        if (chance := probability_of_improvement(cells.ours, cells.theirs, confidence)) is not None:
            chances[environment] = chance
    return chances


def above_half(chances: Mapping[str, Estimate]) -> str:
    """`above 1/2 in 2 of 3 environments`, of what `in_environments` gives; empty for a single one."""
    above = sum(chance.value > 0.5 for chance in chances.values())
    return f"above 1/2 in {above} of {len(chances)} environments" if len(chances) > 1 else ""


def _is_apart(chance: Estimate, margin: float) -> bool:
    if chance.ends is None or chance.num_seeds[0] < FEWEST_FOR_INTERVAL:
        return False
    low, high = chance.ends
    return abs(chance.value - 0.5) > margin and not low <= 0.5 <= high


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
