"""Summaries of a figure: the titles of its panels, the table behind it, and its main numbers in words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sparserl.report.figures.named_lines import Line
from sparserl.report.figures.places import EVERYWHERE
from sparserl.report.figures.points import Point
from sparserl.report.figures.specs import Spec
from sparserl.report.figures.words import column_label, estimate_in_words, printable, told, value_label

MOST_PANELS = 30  # of a figure; the table has all
_MOST_TOLD = 3  # panels in words
Panel = tuple[Any, Any]
Points = Mapping[Panel, Mapping[Line, Mapping[Any, Point]]]
T = TypeVar("T")


def shown_panels(cells: Mapping[Panel, T]) -> tuple[dict[Panel, T], tuple[str, ...]]:
    """The first panels, as many as can be looked at, and what to say of the others."""
    shown = dict(list(cells.items())[:MOST_PANELS])
    rest = len(cells) - len(shown)
    return shown, ((f"{len(shown)} of {len(cells)} panels are shown; the table has all",) if rest else ())


def panel_title(spec: Spec, panel: Panel) -> str:
    """What a panel's row and column are."""
    named = [(name, value) for name, value in zip((spec.columns, spec.rows), (panel[1], panel[0]), strict=True) if name]
    return ", ".join(_facet(name, value) for name, value in named)


def _facet(column: str, value: Any) -> str:
    return f"{value_label(column, value)} sparsity" if column == "sparsity" else told_of_facet(column, value)


def told_of_facet(column: str, value: Any) -> str:
    """A value in a title: with its column, unless it speaks for itself."""
    return f"{column} {value_label(column, value)}" if column == "budget" else told(column, value)


def table_of(spec: Spec, points: Points) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    """Every mark with its interval and the seeds behind it."""
    facets = [name for name in spec.facets if name]
    header = (*facets, "line", spec.x, spec.y, "low", "high", "seeds", "runs", "diverged", "unfinished")
    rows = []
    for panel, lines in points.items():
        where = [value for name, value in zip(spec.facets, panel, strict=True) if name]
        for line, xs in lines.items():
            for x, point in xs.items():
                counts = point.num_seeds, len(point.values), point.num_diverged, point.num_unfinished
                place = None if x == EVERYWHERE else x
                rows.append((*where, line.label, place, point.value, point.low, point.high, *counts))
    return tuple(header), tuple(rows)


def alternative_text(spec: Spec, points: Points, notes: Sequence[str]) -> str:
    """One or two sentences with the main numbers: what is shown, and what is best where."""
    along = f" against {column_label(spec.x)}" if spec.x and spec.x != "method" else " by method"
    panels = "1 panel" if len(points) == 1 else f"{len(points)} panels"
    told = [_best(spec, panel, lines) for panel, lines in points.items()]
    said = [sentence for sentence in told if sentence]
    rest = f"; and {len(said) - _MOST_TOLD} more" if len(said) > _MOST_TOLD else ""
    numbers = f" Highest: {'; '.join(said[:_MOST_TOLD])}{rest}." if said else " No run has a number to show."
    return f"{printable(spec.title)}: {column_label(spec.y)}{along}, {panels}.{numbers}"


def _best(spec: Spec, panel: Panel, lines: Mapping[Line, Mapping[Any, Point]]) -> str:
    known = [
        (point.value, line, x, point)
        for line, xs in lines.items()
        for x, point in xs.items()
        if point.value is not None
    ]
    if not known:
        return ""
    _, line, x, best = max(known, key=lambda each: each[0])
    place = f" at {value_label(spec.x, x)}" if x not in (EVERYWHERE, None) and spec.x not in ("", "method") else ""
    title = panel_title(spec, panel)
    value = estimate_in_words(best.value, best.low, best.high)  # type: ignore[arg-type]
    return f"{f'{title}, ' if title else ''}{printable(line.label)}{place} with {value}"


def by_line(cells: Mapping[Panel, Mapping[Line, T]], runs_of: Callable[[T], Sequence[Any]]) -> dict[Line, list[Any]]:
    """All runs of each line, over all panels."""
    gathered: dict[Line, list[Any]] = {}
    for lines in cells.values():
        for line, content in lines.items():
            gathered.setdefault(line, []).extend(runs_of(content))
    return gathered
