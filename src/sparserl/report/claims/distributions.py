"""Claim 7: how sparsity is spread over layers, in returns and in what networks compute."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sparserl.report.claims.findings import Part, Verdict
from sparserl.report.claims.groups import Group, chosen
from sparserl.report.claims.sides import above_half, better, in_environments

CLAIM = "ERK is better than uniform sparsity"
NEEDS = "sparse methods with ERK and with uniform sparsity, at the same sparsities"
COSTS = "ERK about doubles the FLOPs of CNNs and leaves those of MLPs as they are"
COSTS_NEEDS = "networks with ERK and with uniform sparsity, at the same sparsities, trained or not"
_DOUBLE = (1.5, 3.0)  # times, about 2: of the Nature CNN 1.6 to 1.8, of the IMPALA ResNet 1.8 to 2.8
_SAME = (0.95, 1.05)


def parts(group: Group) -> Iterator[Part]:
    """ERK beside uniform sparsity, with the same method, sparsity and choices."""
    sparse = [run for run in chosen(group.runs, role="sparse") if run.columns.get("budget") is None]
    erk, uniform = chosen(sparse, distribution="erk"), chosen(sparse, distribution="uniform")
    among = (*group.among, "method")
    group, but = group._replace(among=among), ("distribution",)
    part = better(group, erk, uniform, "ERK is better than uniform sparsity", ("ERK", "uniform sparsity"), but)
    yield part._replace(
        detail=", ".join(filter(None, (part.detail, above_half(in_environments(group, erk, uniform, but)))))
    )


def erk_by_uniform(experiments: Sequence[Mapping[str, Any]]) -> list[float]:
    """How many times the live multiplications of uniform sparsity ERK has, for each cell that has both."""
    sparse = [each for each in experiments if each.get("method") != "dense" and each.get("budget") is None]
    erk, uniform = (
        {_cell(each): each.get("live_macs") for each in sparse if each.get("distribution") == name}
        for name in ("erk", "uniform")
    )
    return [ours / theirs for cell, ours in erk.items() if ours and (theirs := uniform.get(cell))]


def costs(experiments: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    """The mean ratio of multiplications at the end of training, over cells; known, so without an interval.

    experiments: the columns of some of one kind of network, trained or not.
    """
    is_mlp = all(each.get("network_kind") == "mlp" for each in experiments)
    low, high = _SAME if is_mlp else _DOUBLE
    statement = "ERK leaves FLOPs as they are" if is_mlp else "ERK about doubles FLOPs"
    rule = f"the mean ratio of live multiplications is {low:g} to {high:g}"
    ratios = erk_by_uniform(experiments)
    if not ratios:
        yield Part(
            statement, rule, "not enough runs", missing=("networks with ERK and uniform sparsity of known cost",)
        )
        return
    mean = sum(ratios) / len(ratios)
    verdict: Verdict = "holds" if low <= mean <= high else "does not hold"
    several = f", {min(ratios):.2f} to {max(ratios):.2f} over {len(ratios)} cells" if len(ratios) > 1 else ""
    yield Part(statement, rule, verdict, None, f"{mean:.2f} times{several}")


def _cell(columns: Mapping[str, Any]) -> tuple[object, ...]:
    names = ("agent", "network_kind", "environment", "method", "sparsity", "dense_last_layer")
    return tuple(columns.get(name) for name in names)
