"""Claim 7: how sparsity is spread over layers."""

from collections.abc import Iterator

from sparserl.report.cells import experiments_of
from sparserl.report.claims.findings import Part, Verdict
from sparserl.report.claims.groups import Group, chosen
from sparserl.report.claims.sides import better
from sparserl.report.runs import Run

CLAIM = "ERK is better than uniform sparsity; it about doubles the FLOPs of CNNs and leaves those of MLPs as they are"
NEEDS = "sparse methods with ERK and with uniform sparsity, at the same sparsities"
_DOUBLE = (1.5, 3.0)  # times, about 2: of the Nature CNN 1.6 to 1.8, of the IMPALA ResNet 1.8 to 2.8
_SAME = (0.95, 1.05)


def parts(group: Group) -> Iterator[Part]:
    """ERK beside uniform sparsity, with the same method, sparsity and choices."""
    sparse = [run for run in chosen(group.runs, role="sparse") if run.columns.get("budget") is None]
    erk, uniform = chosen(sparse, distribution="erk"), chosen(sparse, distribution="uniform")
    among = (*group.among, "method")
    yield better(
        group._replace(among=among),
        erk,
        uniform,
        "ERK is better than uniform sparsity",
        ("ERK", "uniform sparsity"),
        ("distribution",),
    )
    yield _cost(erk, uniform, is_mlp=all(run.columns.get("network_kind") == "mlp" for run in sparse))


def _cost(erk: list[Run], uniform: list[Run], is_mlp: bool) -> Part:
    """The mean ratio of multiplications at the end of training, over cells; known, so without an interval."""
    low, high = _SAME if is_mlp else _DOUBLE
    statement = "ERK leaves FLOPs as they are" if is_mlp else "ERK about doubles FLOPs"
    rule = f"the mean ratio of live multiplications is {low:g} to {high:g}"
    theirs = {_cell(runs[0]): runs[0].columns.get("live_macs") for runs in experiments_of(uniform).values()}
    ratios = [
        ours / its
        for runs in experiments_of(erk).values()
        if (ours := runs[0].columns.get("live_macs")) and (its := theirs.get(_cell(runs[0])))
    ]
    if not ratios:
        return Part(statement, rule, "not enough runs", missing=("runs with ERK and uniform sparsity of known cost",))
    mean = sum(ratios) / len(ratios)
    verdict: Verdict = "holds" if low <= mean <= high else "does not hold"
    return Part(statement, rule, verdict, None, f"{mean:.2f} times, over {len(ratios)} cells")


def _cell(run: Run) -> tuple[object, ...]:
    names = ("agent", "network_kind", "environment", "method", "sparsity", "dense_last_layer")
    return tuple(run.columns.get(name) for name in names)
