"""Claim 11: what noise on observations does to trained policies."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from sparserl.report.cells import Value, matched
from sparserl.report.claims.findings import Part, about, near
from sparserl.report.claims.groups import Group, chosen
from sparserl.report.claims.sides import better, lacking
from sparserl.report.claims.wording import in_percent
from sparserl.report.runs import Run
from sparserl.report.statistics import difference

CLAIM = (
    "With 10 % of the parameters RigL's policies are more robust to noise than dense ones in every game, with 50 % in "
    "Pong and MsPacman, while in Qbert dense ones are; RigL is more robust than SET but for Pong at 50 %; smaller "
    "networks are more robust; at low noise differences are small"
)
NEEDS = "RigL, SET and dense networks with 10 and 50 % of the parameters and of full size, evaluated with noise"
_LOW_NOISE, _SMALL = 5.0, 0.1  # deviation in grey levels, at most; share of the return without noise
_PONG = "atari:Pong"
_AT_HALF = {_PONG: True, "atari:MsPacman": True, "atari:Qbert": False}  # whether sparse networks are the robust ones


def parts(group: Group) -> Iterator[Part]:
    """What policies keep of their normalized return without noise, under the upper half of deviations."""
    runs = [run for run in group.plain if str(run.id) in group.noise]
    high, low = (
        kept_under(group, in_upper_half),
        kept_under(group, lambda deviation, _: 0 < deviation <= _LOW_NOISE),
    )
    rigl, random = (chosen(runs, method=name) for name in ("rigl", "set"))
    matching, full = chosen(runs, role="matched-dense"), chosen(runs, role="full-dense")
    for environment in dict.fromkeys(run.columns["environment"] for run in runs) or ("each game",):
        ours, dense = (chosen(each, environment=environment) for each in (rigl, matching))
        statement = f"in {environment} RigL with 10 % is more robust than dense with as many parameters"
        sides = (f"RigL at 90 % in {environment}, with noise", f"matched dense in {environment}, with noise")
        yield better(group, chosen(ours, sparsity=0.9), dense, statement, sides, value=high)
    for environment, is_sparse in _AT_HALF.items():
        at_half = chosen(rigl, sparsity=0.5), _sized_as(matching, 0.5)
        ours, dense = (chosen(each, environment=environment) for each in at_half)
        if ours or dense:
            yield _at_half(group, ours, dense, environment, is_sparse, high)
    for sparsity in (0.5, 0.9):
        ours, theirs = (chosen(each, sparsity=sparsity) for each in (rigl, random))
        if sparsity == 0.5:
            ours, theirs = ([run for run in each if run.columns["environment"] != _PONG] for each in (ours, theirs))
        statement = f"at {in_percent(sparsity)} RigL is more robust than SET"
        yield better(
            group,
            ours,
            theirs,
            statement,
            (f"RigL at {in_percent(sparsity)}, with noise", "SET, with noise"),
            value=high,
        )
    small = _sized_as(matching, 0.9)
    statement = "dense networks with 10 % of the parameters are more robust than those of full size"
    yield better(
        group, small, full, statement, ("dense with 10 %, with noise", "dense of full size, with noise"), value=high
    )
    yield _alike_at_low_noise(group, chosen(rigl, sparsity=0.9), matching, low)


def _at_half(
    group: Group, ours: Sequence[Run], dense: Sequence[Run], environment: str, is_sparse: bool, value: Value
) -> Part:
    names = ("RigL", "dense") if is_sparse else ("dense", "RigL")
    first, second = (ours, dense) if is_sparse else (dense, ours)
    statement = f"in {environment} {names[0]} with 50 % is more robust than {names[1]} with 50 %"
    sides = (f"{names[0]} with 50 % in {environment}, with noise", f"{names[1]} with 50 % there, with noise")
    return better(group, first, second, statement, sides, value=value)


def _sized_as(matching: Sequence[Run], sparsity: float) -> list[Run]:
    """The dense networks of as many parameters as sparse ones of this sparsity."""
    return [run for run in matching if any(match["sparsity"] == sparsity for match in run.columns["matches"])]


def in_upper_half(deviation: float, highest: float) -> bool:
    """Whether a deviation is that of much noise."""
    return deviation > highest / 2


def kept_under(group: Group, wanted: Callable[[float, float], bool]) -> Callable[[Run], float | None]:
    """Which share of the normalized return without noise a run keeps, on average over the deviations that are meant."""

    def kept(run: Run) -> float | None:
        returns = group.noise.get(str(run.id), {})
        normal = group.normal[run.id.experiment]
        whole = normal(returns.get(0.0))
        chosen_returns = [normal(value) for deviation, value in returns.items() if wanted(deviation, max(returns))]
        known = [value for value in chosen_returns if value is not None]
        return float(np.mean(known)) / whole if whole is not None and whole > 0 and known else None

    return kept


def _alike_at_low_noise(group: Group, ours: Sequence[Run], theirs: Sequence[Run], value: Value) -> Part:
    cells = matched(ours, theirs, group.among, value)
    estimate = difference(cells.ours, cells.theirs)
    rule = near("the difference of shares kept", "0", _SMALL)
    statement = f"up to a deviation of {_LOW_NOISE:g} RigL and dense with 10 % keep about equal shares"
    missing = lacking(cells.missing, (ours, "RigL at 90 %, with noise"), (theirs, "matched dense, with noise"))
    return Part(statement, rule, about(estimate, 0, _SMALL), estimate, "", missing)
