"""Roles: which dense networks are of full size, and which of as many parameters as sparse ones have alive."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sparserl.persistence import StoredExperiment

if TYPE_CHECKING:
    from sparserl.report.runs import Run

FULL, MATCHED, OTHER, SPARSE = "full-dense", "matched-dense", "other-dense", "sparse"
ROLES = (FULL, MATCHED, OTHER, SPARSE)
"""A dense network of full size, as large as the sparse ones are with their dead weights; one of as many parameters as
sparse ones have alive; one of another size, as those of a budget or of another library; a network with dead weights."""

Columns = Mapping[str, Any]
Match = Mapping[str, Any]
_LEAST_TOLERANCE = 0.005  # of parameters
_USUAL_TOLERANCE = 0.05  # of networks with few channels, and where the width is not known


def with_roles(runs: Sequence["Run"], plans: Iterable[StoredExperiment] = ()) -> tuple["Run", ...]:
    """The runs with columns `role` and `matches`.

    plans: what studies tell of experiments, whether they have runs or not; of others it follows from sizes.
    """
    experiments: dict[str, Columns] = {}
    stored: dict[str, tuple[Match, ...]] = {}
    for plan in plans:
        experiments[plan.identifier] = _columns(plan)
        stored[plan.identifier] = _union(stored.get(plan.identifier, ()), plan.matches)
    experiments |= {run.id.experiment: run.columns for run in runs}
    told = roles(experiments, stored)
    return tuple(
        run._replace(columns={**run.columns, "role": role, "matches": matches})
        for run in runs
        for role, matches in (told[run.id.experiment],)
    )


def _columns(plan: StoredExperiment) -> Columns:
    named = {"agent": plan.agent, "method": plan.method, "environment": plan.environment, "sparsity": plan.sparsity}
    return {**plan.facts, **named}


def _union(some: Sequence[Match], others: Sequence[Match]) -> tuple[Match, ...]:
    return (*some, *(match for match in others if match not in some))


class _Cell(NamedTuple):
    """Sizes of the networks of one agent in one environment, without those that a budget asked for."""

    whole: set[int]  # parameters of sparse networks, dead weights included
    largest: int  # parameters of the largest dense network
    live: dict[tuple[int, float, str, bool], None]  # live parameters of sparse networks, and what a match has


def roles(
    experiments: Mapping[str, Columns], stored: Mapping[str, Sequence[Match]]
) -> dict[str, tuple[str, tuple[Match, ...]]]:
    """The role of each experiment, and what it stands for where it is a matched dense one."""
    by_place: dict[tuple[Any, ...], list[Columns]] = {}
    for columns in experiments.values():
        by_place.setdefault(_place(columns), []).append(columns)
    cells = {place: _cell(each) for place, each in by_place.items()}
    return {name: _role(columns, cells[_place(columns)], stored.get(name)) for name, columns in experiments.items()}


def _place(columns: Columns) -> tuple[Any, ...]:
    """What networks have in common whose sizes can be compared."""
    return tuple(columns.get(name) for name in ("agent", "environment", "network_kind"))


def _cell(experiments: Sequence[Columns]) -> _Cell:
    known = [each for each in experiments if each.get("parameters") is not None and each.get("budget") is None]
    dense = [each["parameters"] for each in known if each["method"] == "dense"]
    sparse = [each for each in known if each["method"] != "dense"]
    described = lambda each: (
        each["live_parameters"],
        each["sparsity"],
        each.get("distribution") or "",
        bool(each.get("dense_last_layer")),
    )
    live = dict.fromkeys(sorted(described(each) for each in sparse if each["live_parameters"] is not None))
    return _Cell({each["parameters"] for each in sparse}, max(dense, default=0), live)


def _role(columns: Columns, cell: _Cell, stored: Sequence[Match] | None) -> tuple[str, tuple[Match, ...]]:
    if columns["method"] != "dense":
        alive = columns.get("live_parameters") == columns.get("parameters")  # both may not be known
        return (SPARSE if columns["sparsity"] or not alive else OTHER), ()
    if stored:
        return MATCHED, tuple(stored)
    size = columns.get("parameters")
    if size is None or columns.get("budget") is not None:  # not known, or what somebody asked for
        return OTHER, ()
    if size == cell.largest or size in cell.whole:
        return FULL, ()
    matches = () if stored is not None else _matches(size, _tolerance(columns), cell)
    return (MATCHED, matches) if matches else (OTHER, ())


def _matches(size: int, tolerance: float, cell: _Cell) -> tuple[Match, ...]:
    """The sparse networks of a cell of which a dense one has the size, as nearly as its width allows."""
    alike = {tuple(match): None for live, *match in cell.live if abs(live - size) <= tolerance * size}
    names = ("sparsity", "distribution", "dense_last_layer")
    return tuple(dict(zip(names, match, strict=True)) for match in alike)


def _tolerance(columns: Columns) -> float:
    """The fraction of its parameters by which a matched network misses: half of what another unit per layer makes."""
    units = columns.get("network.hidden_units")
    return max(1 / min(units, default=1), _LEAST_TOLERANCE) if isinstance(units, tuple) else _USUAL_TOLERANCE
