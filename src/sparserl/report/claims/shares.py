"""Claim 6: how parameters are split between actor and critics."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sparserl.report.cells import scores_by
from sparserl.report.claims.findings import AS_PUBLISHED, Part, Verdict, about, above, highest, near
from sparserl.report.claims.groups import Group, chosen
from sparserl.report.claims.sides import ABOVE_HALF, in_cells, lead
from sparserl.report.claims.wording import in_percent, named
from sparserl.report.runs import Run
from sparserl.report.statistics import difference, probability_of_improvement

CLAIM = (
    "Critics with 10 to 20 % of the parameters cost returns in all regimes; an actor with 10 % rarely matters; the "
    "default split of 34:66 is best in most; on Humanoid small dense networks are best with an actor of 10 %; sparse "
    "networks are more sensitive"
)
NEEDS = "SAC with budgets of 100, 20 and 10 %, dense and RigL, at actor shares from 10 to 90 %"
_DEFAULT, _NEAR, _MARGIN = 0.34, 0.1, 0.15


class Regime(NamedTuple):
    """Dense or sparse networks of one budget, in one environment."""

    environment: str
    method: str
    budget: float


Shares = dict[float, list[Run]]


def parts(group: Group) -> Iterator[Part]:
    """The five statements, each over all regimes."""
    regimes = _regimes(group.runs)
    default = {regime: _default(shares) for regime, shares in regimes.items()}
    usual = [run for regime, shares in regimes.items() for run in _of(shares, default[regime])]
    starved = _at(regimes, lambda share: share >= 0.8)
    small = _at(regimes, lambda share: share <= 0.101)
    yield from _starved(usual, starved)
    yield _small_actor(usual, small)
    complete = {regime: shares for regime, shares in regimes.items() if len(shares) > 2 and default[regime] is not None}
    yield _best("the default split is best in most regimes", complete, default, least=0.5)
    humanoid = {
        regime: shares
        for regime, shares in complete.items()
        if regime.environment.startswith("Humanoid-v") and regime.method == "dense" and regime.budget < 1
    }
    if humanoid:
        tenth = {regime: min(shares) if min(shares) < 0.101 else None for regime, shares in humanoid.items()}
        yield _best("on Humanoid small dense networks are best with an actor of 10 %", humanoid, tenth, least=0.99)
    yield _sensitivity(complete, default)


def _regimes(runs: Sequence[Run]) -> dict[Regime, Shares]:
    """Runs by regime and actor share."""
    gathered: dict[Regime, Shares] = {}
    for run in runs:
        budget, share = run.columns.get("budget"), run.columns.get("actor_share")
        if budget is not None and share is not None:
            regime = Regime(str(run.columns["environment"]), str(run.columns["method"]), float(budget))
            gathered.setdefault(regime, {}).setdefault(round(float(share), 3), []).append(run)
    single = lambda runs: len({run.id.experiment for run in runs}) == 1  # several differ in more, and are not pooled
    alone = {
        regime: {share: runs for share, runs in shares.items() if single(runs)} for regime, shares in gathered.items()
    }
    order = lambda regime: (regime.method, -regime.budget, regime.environment)
    return {regime: alone[regime] for regime in sorted(alone, key=order) if alone[regime]}


def _default(shares: Shares) -> float | None:
    """The share nearest to the standard network's, if it is near."""
    nearest = min(shares, key=lambda share: abs(share - _DEFAULT))
    return nearest if abs(nearest - _DEFAULT) <= _NEAR else None


def _of(shares: Shares, share: float | None) -> list[Run]:
    return [] if share is None else shares[share]


def _at(regimes: Mapping[Regime, Shares], wanted: Callable[[float], bool]) -> list[Run]:
    return [
        run for regime, shares in regimes.items() for share, runs in shares.items() if wanted(share) for run in runs
    ]


def _key(run: Run) -> str:
    return f"{run.columns['environment']}, {run.columns['method']}, {run.columns['budget']:g}"


def _starved(usual: Sequence[Run], starved: Sequence[Run]) -> Iterator[Part]:
    """Regime by regime, the default split above the starved critics of the highest share."""
    names = dict.fromkeys((str(run.columns["method"]), float(run.columns["budget"])) for run in usual)
    for method, budget in names or {("rigl", 0.1): None}:
        ours = chosen(usual, method=method, budget=budget)
        theirs = chosen(starved, method=method, budget=budget)
        key = lambda run: str(run.columns["environment"])
        critic = sorted({float(run.columns["actor_share"]) for run in theirs})[:1]
        lowest = [run for run in theirs if float(run.columns["actor_share"]) in critic]
        estimate = probability_of_improvement(scores_by(ours, key), scores_by(lowest, key))
        statement = (
            f"{named(method)} with a budget of {in_percent(budget)}: the default split is better than critics of "
        )
        statement += "at most 20 %"
        missing = () if estimate else ("runs with critics of 10 to 20 %, and of the default split",)
        yield Part(statement, ABOVE_HALF, above(estimate, 0.5), estimate, in_cells(estimate), missing)


def _small_actor(usual: Sequence[Run], small: Sequence[Run]) -> Part:
    estimate = probability_of_improvement(scores_by(small, _key), scores_by(usual, _key))
    rule = near("the chance that it is better", "1/2", _MARGIN)
    missing = () if estimate else ("runs with actors of 10 %, and of the default split",)
    return Part(
        "an actor of 10 % is as good as the default split",
        rule,
        about(estimate, 0.5, _MARGIN),
        estimate,
        in_cells(estimate),
        missing,
    )


def _best(
    statement: str, regimes: Mapping[Regime, Shares], wanted: Mapping[Regime, float | None], least: float
) -> Part:
    """In how many regimes a share has the highest mean return, as `highest` tells it of each."""
    most = "all" if least > 0.9 else f"more than {in_percent(least)} of"
    rule = (
        f"in {most} regimes of three shares or more the interval of what its mean return is above the best of the "
        f"others lies above 0, or the mean is, of {AS_PUBLISHED} seeds or more"
    )
    known = {
        regime: {share: runs for share, runs in shares.items() if _mean(runs) is not None}
        for regime, shares in regimes.items()
    }
    leads = {
        regime: estimate
        for regime, shares in known.items()
        if len(shares) > 2 and (estimate := lead(shares, wanted[regime])) is not None
    }
    if not leads:
        return Part(statement, rule, "not enough runs", missing=("runs of at least three shares in a regime",))
    told = [highest(estimate) for estimate in leads.values()]
    possible = len(told) - told.count("does not hold")
    verdict: Verdict = "not enough runs"
    if told.count("holds") > least * len(told):
        verdict = "holds"
    elif possible <= least * len(told):
        verdict = "does not hold"
    seen = sum(estimate.value > 0 for estimate in leads.values())
    seeds = min(estimate.num_seeds[0] for estimate in leads.values())
    numbers = f"highest in {seen} of {len(leads)} regimes, told to be in {told.count('holds')}, not to be in"
    return Part(statement, rule, verdict, None, f"{numbers} {told.count('does not hold')}, {seeds} seeds or more")


def _mean(runs: Sequence[Run]) -> float | None:
    returns = [run.final_return for run in runs if run.final_return is not None]
    return sum(returns) / len(returns) if returns else None


def _sensitivity(regimes: Mapping[Regime, Shares], default: Mapping[Regime, float | None]) -> Part:
    """How much less of the default split's mean return other shares keep, RigL beside dense of the same budget."""
    rule = "the interval of what dense keeps less what RigL keeps, on average over the other shares, lies above 0"
    others, whole = [], {}
    for regime, shares in regimes.items():
        mean = _mean(_of(shares, default[regime]))
        if mean is not None and mean > 0:
            whole[regime] = mean
            others += [run for share, runs in shares.items() if share != default[regime] for run in runs]
    of = lambda run: Regime(str(run.columns["environment"]), str(run.columns["method"]), float(run.columns["budget"]))
    share = lambda run: None if run.final_return is None else run.final_return / whole[of(run)]
    key = lambda run: f"{run.columns['environment']}, {run.columns['budget']:g}, {run.columns['actor_share']:.3g}"
    dense, sparse = (scores_by(chosen(others, method=name), key, share) for name in ("dense", "rigl"))
    estimate = difference(dense, sparse)
    missing = () if estimate else ("dense and RigL with the same budget and shares, and a mean return above 0",)
    return Part(
        "sparse networks are more sensitive to the split",
        rule,
        above(estimate, 0),
        estimate,
        in_cells(estimate),
        missing,
    )
