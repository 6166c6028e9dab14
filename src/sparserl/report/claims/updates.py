"""Claim 10: how much of a topology moves, how often, and what small batches do."""

from collections.abc import Iterator, Sequence

from sparserl.report.cells import experiments_of, scores_by, scores_of
from sparserl.report.claims.findings import AS_PUBLISHED, Part, above, highest, not_above
from sparserl.report.claims.groups import Group, chosen, is_told
from sparserl.report.claims.sides import ABOVE_HALF, as_good, lacking, lead
from sparserl.report.claims.wording import named
from sparserl.report.runs import Run
from sparserl.report.statistics import contrast, probability_of_improvement

DROP = "Drop fractions above 0 are slightly better than 0; from 0.1 to 0.5 they are about equal; for SET 0.3 is best"
DROP_NEEDS = "SET and RigL with a drop fraction of 0 and with others"
INTERVAL = "Returns are not sensitive to the interval between changes of the topology"
INTERVAL_NEEDS = "pruning, SET and RigL with an interval of 1,000 updates and with others"
BATCH = "Smaller batches hurt all methods, and RigL no more than the others"
BATCH_NEEDS = "pruning, static, SET, RigL and dense with several batch sizes"
_FRACTION, _INTERVAL, _BATCH = "method.drop_fraction", "method.window.interval_updates", "agent.batch_size"
_USUAL_INTERVAL, _MARGIN, _EXCESS = 1_000, 0.15, 0.1


def drop_fraction(group: Group) -> Iterator[Part]:
    """Positive fractions together above 0, the largest beside the smallest of them, and SET's best."""
    if _FRACTION not in group.among:
        return
    told = chosen(group.plain, **{_FRACTION: is_told})
    for method in ("set", "rigl"):
        runs = chosen(told, method=method)
        none, some = chosen(runs, **{_FRACTION: 0.0}), chosen(runs, **{_FRACTION: lambda fraction: fraction > 0})
        score = (
            group.normalized if len({run.columns["environment"] for run in runs}) > 1 else lambda run: run.final_return
        )
        estimate = contrast(scores_of(some, score), scores_of(none, score))
        missing = lacking((), (none, f"{named(method)} with 0"), (some, f"{named(method)} with more than 0"))
        rule = "the interval of the difference of mean returns lies above 0"
        statement = f"{named(method)} is better with drop fractions above 0 than with 0"
        yield Part(statement, rule, above(estimate, 0), estimate, "", missing)
        fractions = sorted({run.columns[_FRACTION] for run in some if run.columns[_FRACTION] >= 0.1})
        low, high = (
            chosen(some, **{_FRACTION: value}) if len(fractions) > 1 else []
            for value in ((fractions[0], fractions[-1]) if len(fractions) > 1 else (0, 0))
        )
        statement = f"{named(method)} is as good with the largest drop fraction as with the smallest from 0.1 on"
        sides = (f"{named(method)} with 0.5", f"{named(method)} with 0.1")
        yield as_good(group, high, low, statement, sides, _MARGIN, (_FRACTION,))
    yield _best_fraction(chosen(told, method="set"))


def interval(group: Group) -> Iterator[Part]:
    """Every interval beside 1,000 updates, over pruning, SET and RigL."""
    if _INTERVAL not in group.among:
        return
    runs = chosen(group.plain, method=("prune", "set", "rigl"))
    usual = chosen(runs, **{_INTERVAL: _USUAL_INTERVAL})
    others = sorted({run.columns[_INTERVAL] for run in runs if run.columns.get(_INTERVAL)} - {_USUAL_INTERVAL})
    by_method = group._replace(among=(*group.among, "method"))
    for updates in others or [0]:
        ours = chosen(runs, **{_INTERVAL: updates})
        statement = f"an interval of {updates:,} updates is as good as one of {_USUAL_INTERVAL:,}"
        sides = ("other intervals", f"intervals of {_USUAL_INTERVAL:,} updates")
        yield as_good(by_method, ours, usual, statement, sides, _MARGIN, (_INTERVAL,))


def batch_size(group: Group) -> Iterator[Part]:
    """The largest batch beside the smallest, and what RigL keeps beside what other sparse methods keep."""
    if _BATCH not in group.among:
        return
    runs = [run for run in chosen(group.plain, **{_BATCH: is_told}) if run.columns.get("role") != "full-dense"]
    sizes = sorted({run.columns[_BATCH] for run in runs})
    if len(sizes) < 2:
        return
    small, large = (chosen(runs, **{_BATCH: size}) for size in (sizes[0], sizes[-1]))
    key = lambda run: f"{run.columns['environment']}, {run.columns['sparsity']:g}"
    for method in ("prune", "static", "set", "rigl", "dense"):
        ours, theirs = (scores_by(chosen(each, method=method), key) for each in (large, small))
        estimate = probability_of_improvement(ours, theirs)
        statement = f"{named(method)} is better with batches of {sizes[-1]} than of {sizes[0]}"
        missing = () if estimate else (f"runs of {named(method)} with batches of {sizes[0]} and {sizes[-1]}",)
        yield Part(statement, ABOVE_HALF, above(estimate, 0.5), estimate, "", missing)
    yield _hurts_rigl_no_more(small, large)


def _best_fraction(runs: Sequence[Run]) -> Part:
    """SET's mean return with 0.3 beside the best other fraction, each of one experiment in a single environment."""
    statement = "SET is best with a drop fraction of 0.3"
    rule = (
        "the interval of what its mean return is above the best of the others lies above 0, "
        f"or the mean is, of {AS_PUBLISHED} seeds or more"
    )
    of: dict[float, list[Run]] = {}
    for run in runs:
        of.setdefault(run.columns[_FRACTION], []).append(run)
    single = {fraction: own for fraction, own in of.items() if len(experiments_of(own)) == 1}
    estimate = None
    if len(single) > 2 and len({run.columns["environment"] for run in runs}) == 1:
        estimate = lead(single, 0.3)
    if estimate is None:
        missing = "SET with 0.3 and two more drop fractions in one environment, all else being equal"
        return Part(statement, rule, "not enough runs", missing=(missing,))
    scores = scores_by(runs, lambda run: f"{run.columns[_FRACTION]:g}")
    means = {fraction: float(values.mean()) for fraction, values in zip(scores.tasks, scores.values, strict=True)}
    numbers = ", ".join(f"{fraction}: {means[fraction]:,.4g}" for fraction in sorted(means, key=float))
    return Part(statement, rule, highest(estimate), estimate, f"means {numbers}")


def _hurts_rigl_no_more(small: Sequence[Run], large: Sequence[Run]) -> Part:
    """What other sparse methods keep with the smallest batch of the mean with the largest, less what RigL keeps."""
    key = lambda run: f"{run.columns['environment']}, {run.columns['sparsity']:g}, {run.columns['method']}"
    whole = scores_by(chosen(large, role="sparse"), key)
    means = {task: float(values.mean()) for task, values in zip(whole.tasks, whole.values, strict=True)}
    positive = {task: mean for task, mean in means.items() if mean > 0}
    share = lambda run: (
        None if run.final_return is None or key(run) not in positive else (run.final_return / positive[key(run)])
    )
    sparse = chosen(small, role="sparse")
    others = scores_by([run for run in sparse if run.columns["method"] != "rigl"], key, share)
    estimate = contrast(others, scores_by(chosen(sparse, method="rigl"), key, share))
    rule = (
        f"the interval of what others keep less what RigL keeps begins at 0 or below and ends at {_EXCESS:g} or "
        f"below or, of {AS_PUBLISHED} seeds or more, the number is at most that"
    )
    missing = () if estimate else ("RigL and other sparse methods with small and large batches, returns above 0",)
    return Part(
        "small batches hurt RigL no more than other sparse methods",
        rule,
        not_above(estimate, 0, _EXCESS),
        estimate,
        "",
        missing,
    )
