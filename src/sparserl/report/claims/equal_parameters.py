"""Claim 1: sparse networks beside dense ones of as many parameters, and sparse methods beside each other."""

from collections.abc import Iterator, Sequence

from sparserl.report.claims.findings import AS_PUBLISHED, Part, Verdict, together
from sparserl.report.claims.groups import Group, chosen
from sparserl.report.claims.sides import above_half, better, in_environments
from sparserl.report.claims.wording import named
from sparserl.report.runs import Run
from sparserl.report.statistics import FEWEST_FOR_INTERVAL, Estimate

CLAIM = (
    "At equal parameter counts sparse networks, above all pruned ones, beat dense ones in almost all environments; "
    "static ones do poorly, and SET and RigL are far better than these, but usually below pruning"
)
NEEDS = "pruning, static, SET and RigL, beside dense networks of as many parameters"
MOST = 0.8  # of environments, for "almost all"
IN_MOST = f"and the chance is above 1/2 in at least {MOST:.0%} of environments".replace("%", " %")


def parts(group: Group) -> Iterator[Part]:
    """Each method beside matched dense networks, and pairs of methods, over all environments and sparsities."""
    of = {name: chosen(group.usual, method=name, role="sparse") for name in ("prune", "static", "set", "rigl")}
    dense = chosen(group.usual, role="matched-dense")
    for name in ("prune", "set", "rigl"):
        yield _beats_dense(group, of[name], dense, named(name))
    for better_one, other in (("set", "static"), ("rigl", "static"), ("prune", "set"), ("prune", "rigl")):
        statement = f"{named(better_one)} is better than {named(other)}"
        yield better(group, of[better_one], of[other], statement, (named(better_one), named(other)))


def _beats_dense(group: Group, ours: Sequence[Run], dense: Sequence[Run], name: str) -> Part:
    statement = f"{name} is better than dense networks of as many parameters in almost all environments"
    part = better(group, ours, dense, statement, (name, "dense networks of as many parameters"))
    by_environment = in_environments(group, ours, dense)
    chances = [*by_environment.values()]
    if part.estimate is None or not chances:
        return part
    below = [each for each, chance in by_environment.items() if chance.ends is not None and chance.ends[1] < 0.5]
    told_below = f"told to be below in {', '.join(below)}" if below else ""
    detail = ", ".join(filter(None, (part.detail, above_half(by_environment), told_below)))
    verdict = together([part.verdict, _in_most(chances, part.estimate.num_seeds[0])])
    return part._replace(rule=f"{part.rule}, {IN_MOST}", verdict=verdict, detail=detail)


def _in_most(chances: Sequence[Estimate], num_seeds: int) -> Verdict:
    """Whether most chances are above 1/2; with fewer seeds than the paper has, where an interval allows it as well."""
    in_most = lambda count: count >= MOST * len(chances)
    if num_seeds < FEWEST_FOR_INTERVAL:
        return "not enough runs"
    if in_most(sum(chance.value > 0.5 for chance in chances)):
        return "holds"
    perhaps = sum(chance.ends is None or chance.ends[1] > 0.5 for chance in chances)
    return "not enough runs" if num_seeds < AS_PUBLISHED and in_most(perhaps) else "does not hold"
