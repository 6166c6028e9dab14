"""Roles: which dense networks are of full size, and which of as many parameters as sparse ones have alive."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparserl.report.runs import Run

FULL, MATCHED, OTHER, SPARSE = "full-dense", "matched-dense", "other-dense", "sparse"
ROLES = (FULL, MATCHED, OTHER, SPARSE)
"""A dense network of full size, as large as the sparse ones are with their dead weights; one of as many parameters as
sparse ones have alive; one of another size, as those of a budget; a network that a sparse method trains."""

Columns = Mapping[str, Any]
Match = Mapping[str, Any]
_LEAST_TOLERANCE = 0.005  # of parameters: a CNN or ResNet is scaled in thousandths of its width
_USUAL_TOLERANCE = 0.05  # where the width is not known


def with_roles(runs: Sequence["Run"], stored: Mapping[str, Sequence[Match]] | None = None) -> tuple["Run", ...]:
    """The runs with columns `role` and `matches`.

    stored: what dense experiments stand for, by identifier, where a study tells; elsewhere it follows from sizes.
    """
    by_experiment = {run.id.experiment: run.columns for run in runs}
    told = roles(by_experiment, stored or {})
    return tuple(
        run._replace(columns={**run.columns, "role": role, "matches": matches})
        for run in runs
        for role, matches in (told[run.id.experiment],)
    )


def roles(
    experiments: Mapping[str, Columns], stored: Mapping[str, Sequence[Match]]
) -> dict[str, tuple[str, tuple[Match, ...]]]:
    """The role of each experiment, and what it stands for where it is a matched dense one."""
    cells: dict[tuple[Any, ...], dict[str, Columns]] = {}
    for name, columns in experiments.items():
        cells.setdefault(_cell(columns), {})[name] = columns
    return {
        name: _role(name, columns, list(cell.values()), stored)
        for cell in cells.values()
        for name, columns in cell.items()
    }


def _cell(columns: Columns) -> tuple[Any, ...]:
    """What networks have in common whose sizes can be compared."""
    return tuple(columns.get(name) for name in ("agent", "environment", "network_kind", "fake_features"))


def _role(
    name: str, columns: Columns, cell: Sequence[Columns], stored: Mapping[str, Sequence[Match]]
) -> tuple[str, tuple[Match, ...]]:
    if columns["method"] != "dense":
        return SPARSE, ()
    if stored.get(name):
        return MATCHED, tuple(stored[name])
    if _is_full(columns, cell):
        return FULL, ()
    matches = () if name in stored else _matches(columns, cell)
    return (MATCHED, matches) if matches else (OTHER, ())


def _is_full(columns: Columns, cell: Sequence[Columns]) -> bool:
    """Whether it has as many parameters as a sparse network of its cell has dead and alive, or most of the dense."""
    size = columns.get("parameters")
    if size is None or columns.get("budget") is not None:
        return size is None
    whole = [each for each in cell if each.get("parameters") is not None and each.get("budget") is None]
    if any(each["method"] != "dense" and each["parameters"] == size for each in whole):
        return True
    return size == max(each["parameters"] for each in whole if each["method"] == "dense")


def _matches(columns: Columns, cell: Sequence[Columns]) -> tuple[Match, ...]:
    """The sparse networks of a cell of which a dense one has the size, as nearly as its width allows."""
    size, tolerance = columns["live_parameters"], _tolerance(columns)
    if size is None:
        return ()
    alike = {
        (each["sparsity"], each.get("distribution") or "", bool(each.get("dense_last_layer")))
        for each in cell
        if each["method"] != "dense" and abs((each.get("live_parameters") or 0) - size) <= tolerance * size
    }
    return tuple(
        {"sparsity": sparsity, "distribution": distribution, "dense_last_layer": last}
        for sparsity, distribution, last in sorted(alike)
    )


def _tolerance(columns: Columns) -> float:
    """The fraction of its parameters by which a matched network misses: half of what another unit per layer makes."""
    units = columns.get("network.hidden_units")
    if units is None:
        return _LEAST_TOLERANCE if columns.get("network.name") else _USUAL_TOLERANCE
    return max(1 / min(units, default=1), _LEAST_TOLERANCE)
