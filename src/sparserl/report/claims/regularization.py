"""Claim 8: weight decay, and weights that are drawn by the inputs that are left."""

from collections.abc import Iterator

from sparserl.report.claims.findings import AS_PUBLISHED, Part, about, near, not_above
from sparserl.report.claims.groups import Group, chosen, is_told
from sparserl.report.claims.sides import as_good, better, lacking, share_kept
from sparserl.report.claims.wording import named

DECAY = "A small weight decay helps pruning, RigL and SET, and even dense networks; its effect is minor"
DECAY_NEEDS = "pruning, RigL, SET and dense, with a weight decay of 0 and with one of at most 1e-4"
INITIALIZATION = (
    "Sparsity-aware initialization helps where sparsity is uniform; with ERK it makes no difference to RigL and SET, "
    "and does not help static networks"
)
INITIALIZATION_NEEDS = "static, SET and RigL, with and without sparsity-aware initialization, uniform and ERK"
_SMALL, _MINOR, _MARGIN = 1e-4, 0.1, 0.15
_AWARE = "sparsity_aware_initialization"


def decay(group: Group) -> Iterator[Part]:
    """The largest weight decay of at most 1e-4 beside none, method by method."""
    if not any(name == "weight_decay" for name in group.among):
        return
    told = chosen(group.plain, weight_decay=is_told)
    every = [run for run in told if run.columns.get("role") != "full-dense"]
    for method in ("prune", "set", "rigl", "dense"):
        runs = chosen(every, method=method)
        small = max(
            (run.columns["weight_decay"] for run in runs if 0 < run.columns["weight_decay"] <= _SMALL), default=0
        )
        with_decay, without = chosen(runs, weight_decay=small) if small else [], chosen(runs, weight_decay=0.0)
        names = (f"{named(method)} with a small weight decay", f"{named(method)} without")
        statement = f"{named(method)} is better with a weight decay of {small:g} than without"
        yield better(group, with_decay, without, statement, names, ("weight_decay",))
        estimate, missing = share_kept(group, with_decay, without, ("weight_decay",))
        rule = near("the ratio", "1", _MINOR)
        missing = lacking(missing, (with_decay, names[0]), (without, names[1]))
        statement = f"the effect on {named(method)} is minor"
        yield Part(statement, rule, about(estimate, 1, _MINOR), estimate, "", missing)


def initialization(group: Group) -> Iterator[Part]:
    """Sparsity-aware beside dense initialization, method by method, for both distributions."""
    if _AWARE not in group.among:
        return
    for distribution, title in (("uniform", "uniform sparsity"), ("erk", "ERK")):
        for method in ("static", "set", "rigl"):
            runs = [
                run
                for run in chosen(group.runs, role="sparse", method=method, distribution=distribution)
                if run.columns.get("budget") is None
            ]
            aware, dense = (chosen(runs, **{_AWARE: value}) for value in (True, False))
            names = (f"{named(method)}, {title}, sparsity-aware", f"{named(method)}, {title}, drawn as if dense")
            if distribution == "erk" and method != "static":
                statement = f"with {title}, {named(method)} is as good with either initialization"
                yield as_good(group, aware, dense, statement, names, _MARGIN, (_AWARE,))
                continue
            helps = f"with {title}, {named(method)} is better if initialized sparsity-aware"
            part = better(group, aware, dense, helps, names, (_AWARE,))
            yield part if distribution == "uniform" else _no_help(part)


def _no_help(part: Part) -> Part:
    """The paper says that it may even harm: what is asked is that it does not help."""
    statement = "with ERK, static is not better if initialized sparsity-aware"
    rule = (
        f"the interval of the chance that a run is better begins at 1/2 or below and ends at {0.5 + _MARGIN:g} or "
        f"below or, of {AS_PUBLISHED} seeds or more, the chance is at most that"
    )
    return part._replace(statement=statement, rule=rule, verdict=not_above(part.estimate, 0.5, _MARGIN))
