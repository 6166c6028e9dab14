"""Places: in which panel, on which line and at which x every run of a figure belongs.

Dense networks are the ones without a place of their own: what they match puts them beside sparse ones, and where the
choice on the x axis has no meaning for them, they are a level across the whole panel.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sparserl.report.figures.apart import Seat, told_apart
from sparserl.report.figures.named_lines import (
    FULL,
    MATCHED,
    SPARSE,
    Line,
    in_legend_order,
    in_order,
    line_of,
    with_extra,
)
from sparserl.report.figures.specs import NORMALIZED, SIZES, Spec, is_without_meaning_for_dense

if TYPE_CHECKING:
    from sparserl.report.runs import Run

EVERYWHERE = "everywhere"  # of a level: it has no x of its own
_BY_MATCH = ("sparsity", "distribution", "dense_last_layer")


class Place(NamedTuple):
    """Where a run belongs."""

    panel: tuple[Any, Any]  # its row and column
    line: Line
    x: Any


Cells = dict[tuple[Any, Any], dict[Line, dict[Any, list["Run"]]]]
"""The runs of a figure by panel, line and x, each in the order in which they are drawn."""


def cells(
    runs: Sequence["Run"],
    spec: Spec,
    environments: Sequence[str] = (),
    machine_of: Callable[["Run"], str | None] = lambda run: None,
) -> Cells:
    """Runs by place. Runs of several experiments of one environment are never in one place, nor several provenances.

    Panels of `environments` come in their order, those of budgets from the largest on. machine_of: what trained a run,
    where a figure may not put several machines together.
    """
    there = {column: _values(column, runs) for column in spec.facets}
    placed = [(run, place) for run in runs for place in _places(run, spec, there)]
    alike: dict[Line, list[tuple[Run, Place]]] = {}
    for run, place in placed:
        alike.setdefault(place.line, []).append((run, place))
    gathered: Cells = {}
    task = lambda run: run.columns.get("environment") if spec.y in NORMALIZED else None
    unit = lambda run: (run.id.experiment, machine_of(run))
    columns = {unit(run): {**run.columns, "machine": machine_of(run)} for run in runs}
    for group in alike.values():
        seats = [Seat(unit(run), columns[unit(run)], (place.panel, place.x), task(run)) for run, place in group]
        extras = told_apart(seats)
        for run, place in group:
            line = with_extra(place.line, extras[unit(run)])
            gathered.setdefault(place.panel, {}).setdefault(line, {}).setdefault(place.x, []).append(run)
    return {
        panel: {
            line: {x: gathered[panel][line][x] for x in sorted(gathered[panel][line], key=in_order)}
            for line in in_legend_order(gathered[panel])
        }
        for panel in sorted(
            gathered,
            key=lambda panel: [_facet_order(*each, environments) for each in zip(spec.facets, panel, strict=True)],
        )
    }


def _facet_order(column: str, value: Any, environments: Sequence[str]) -> tuple[int, float, str]:
    if column == "environment" and value in environments:
        return 0, float(environments.index(value)), ""
    return in_order(-value if column == "budget" and value is not None else value)


def _values(column: str, runs: Sequence["Run"]) -> tuple[Any, ...]:
    """The panels of a facet: the values that sparse networks have of it, or dense ones where only these do."""
    known = [run.columns for run in runs if column in run.columns]
    sparse = [columns for columns in known if columns.get("method") != "dense"]
    values = _distinct(columns[column] for columns in (known if column == "budget" else sparse))
    return tuple(value for value in values if column != "budget" or value is not None) or ("",)


def _places(run: "Run", spec: Spec, there: Mapping[str, Sequence[Any]]) -> Iterator[Place]:
    role = str(run.columns.get("role", SPARSE))
    matches = run.columns.get("matches") or ()
    for row in _facet_values(run, spec.rows, there, role):
        for column in _facet_values(run, spec.columns, there, role):
            fitting = [match for match in matches if _fits(match, {spec.rows: row, spec.columns: column})]
            if role == MATCHED and matches and not fitting:
                continue
            for x in _xs(run, spec, role, fitting):
                yield Place((row, column), line_of(run, spec, role, fitting), x)
            if role == FULL and spec.x in SIZES:  # it is the end of the line of dense networks, too
                yield Place((row, column), line_of(run, spec, MATCHED, ()), run.columns.get(spec.x))


def _facet_values(run: "Run", column: str, there: Mapping[str, Sequence[Any]], role: str) -> Sequence[Any]:
    """The panels that a run belongs to, along rows or along columns."""
    if not column:
        return ("",)
    value = run.columns.get(column)
    is_of_all = (role in (FULL, MATCHED) and _is_of_sparse(column)) or _lacks(run, column)
    return there[column] if is_of_all or (role == FULL and column == "budget" and value is None) else (value,)


def _lacks(run: "Run", column: str) -> bool:
    """Whether the run's choices are known, and this one is not among them, as its method does not have it."""
    return column not in run.columns and "total_steps" in run.columns


def _is_of_sparse(column: str) -> bool:
    return column == "sparsity" or is_without_meaning_for_dense(column)


def _fits(match: Mapping[str, Any], panel: Mapping[str, Any]) -> bool:
    return all(match.get(name) == value for name, value in panel.items() if name in _BY_MATCH and value is not None)


def _xs(run: "Run", spec: Spec, role: str, fitting: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
    x = run.columns.get(spec.x)
    if spec.x and _lacks(run, spec.x):
        return (EVERYWHERE,)
    if role == SPARSE or spec.x == "method":
        return (x,)
    if spec.x == "sparsity" and role == MATCHED and fitting:
        return _distinct(match["sparsity"] for match in fitting)
    if _is_of_sparse(spec.x) or (spec.x == "actor_share" and role == FULL):
        return (EVERYWHERE,)
    return (EVERYWHERE,) if role == FULL and spec.x in SIZES else (x,)


def _distinct(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))
