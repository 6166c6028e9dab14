"""Bars: interquartile means over the runs of all environments, methods in the paper's order, a panel per sparsity."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sparserl.report.figures import notes
from sparserl.report.figures.canvas import finish, grid, name_panel
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.legends import Entry
from sparserl.report.figures.lines import environments_of
from sparserl.report.figures.looks import look
from sparserl.report.figures.named_lines import FULL, Line, in_legend_order
from sparserl.report.figures.places import EVERYWHERE, cells
from sparserl.report.figures.points import Measure, Point, measure_of, point_of
from sparserl.report.figures.specs import NORMALIZED, Spec
from sparserl.report.figures.summary import Points, alternative_text, by_line, panel_title, shown_panels, table_of
from sparserl.report.figures.words import column_label, printable, significant, tick, value_label
from sparserl.report.statistics import METHOD

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection

_BAR_INCHES, _HEIGHT_INCHES, _WIDTH = 0.4, 3.0, 0.74
_MOST_IN_A_ROW = 5
_FULL = "#C2C2C2"
_EDGE = (withStroke(linewidth=3, foreground="white"),)  # or it would vanish on dark bars


def draw_bars(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Drawn:
    """A bar for each line and value of x; those of returns that are not normalized are means of one environment."""
    over_tasks, measure = spec.y in NORMALIZED, measure_of(spec, selection.runs)
    placed = cells(_compared(runs), spec, environments_of(selection))
    points: dict[Any, dict[Line, dict[Any, Point]]] = {}
    for panel, runs_by_line in placed.items():
        there = _environments_of(runs_by_line)
        points[panel] = {
            line: {
                x: point_of([run for run in each if _where(run) in there], measure, over_tasks)
                for x, each in xs.items()
            }
            for line, xs in runs_by_line.items()
        }
    shown, more = shown_panels(points)
    said = (*more, *_notes(spec, selection, placed, points, measure))
    every = in_legend_order(line for lines in shown.values() for line in lines)
    most = max(sum(map(len, lines.values())) for lines in shown.values())
    num_columns = min(len(shown), _MOST_IN_A_ROW)
    panels = grid(len(shown), num_columns, (0.75 + _BAR_INCHES * max(most, 4), _HEIGHT_INCHES), sharey=over_tasks)
    for axes, (panel, lines) in zip(panels.axes, shown.items(), strict=True):
        _draw_panel(axes, spec, lines, every)
        name_panel(panels, axes, panel_title(spec, panel))
    for axes in panels.axes[:: panels.num_columns]:
        axes.set_ylabel(column_label(spec.y))
    entries = [Entry(Patch(**_colours(line, every)), printable(line.label)) for line in every]
    finish(panels, printable(spec.title), entries, said)
    return Drawn(
        spec.name, spec.title, panels.figure, alternative_text(spec, points, said), *table_of(spec, points), said
    )


def _compared(runs: Sequence["Run"]) -> list["Run"]:
    """The runs without those of an agent that is there only to divide by: dense networks of full size, no others."""
    compared = {run.columns.get("agent") for run in runs if run.columns.get("role") != "full-dense"}
    return [run for run in runs if not compared or run.columns.get("agent") in compared]


def _environments_of(lines: Mapping[Line, Mapping[Any, Sequence["Run"]]]) -> set[Any]:
    """Those of a panel's comparison: dense networks of full size, which are in every panel, count over no others."""
    compared = [runs for line, xs in lines.items() if line.role != FULL for runs in xs.values()]
    return {_where(run) for runs in compared or [r for xs in lines.values() for r in xs.values()] for run in runs}


def _where(run: "Run") -> Any:
    return run.columns.get("environment")


def _draw_panel(axes: Axes, spec: Spec, lines: Mapping[Line, Mapping[Any, Point]], every: Sequence[Line]) -> None:
    bars = [(line, x, point) for line in every for x, point in lines.get(line, {}).items()]
    if spec.x != "method":
        bars.sort(key=lambda bar: (bar[1] != EVERYWHERE, str(bar[1])))
    for place, (line, _, point) in enumerate(bars):
        _draw_bar(axes, place, point, _colours(line, every))
    axes.set_xticks(range(len(bars)) if spec.x != "method" else ())
    if spec.x != "method":
        axes.set_xticklabels([value_label(spec.x, x) if x != EVERYWHERE else "" for _, x, _ in bars])
    axes.set_xlim(-0.6, len(bars) - 0.4)
    axes.axhline(0, color="#BBBBBB", linewidth=0.8, zorder=1)
    axes.grid(visible=False, axis="x")
    axes.spines["bottom"].set_visible(False)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    axes.margins(y=0.1)


def _colours(line: Line, every: Sequence[Line]) -> dict[str, Any]:
    return {
        "facecolor": _FULL if line.role == FULL else look(line, every)["color"],
        "edgecolor": "white",
        "linewidth": 0,
    }


def _draw_bar(axes: Axes, place: int, point: Point, colours: Mapping[str, Any]) -> None:
    """A bar with its interval, or the single runs where there is none, and its number above all of that."""
    if point.value is None:
        axes.annotate("no run", (place, 0), (0, 3), textcoords="offset points", ha="center", fontsize=7, rotation=90)
        return
    axes.bar(place, point.value, _WIDTH, **colours)
    top = max(point.value, 0.0)
    if point.low is not None and point.high is not None:
        axes.vlines(place, point.low, point.high, color="#222222", linewidth=1.3, path_effects=_EDGE)
        top = max(top, point.high)
    else:
        axes.plot([place] * len(point.values), point.values, "o", color="#222222", markersize=3, path_effects=_EDGE)
        top = max(top, *point.values)
    axes.annotate(
        significant(point.value),
        (place, top),
        (0, 3),
        textcoords="offset points",
        ha="center",
        fontsize=7.5,
        color="#444444",
    )


def _notes(spec: Spec, selection: "Selection", placed: Any, points: Points, measure: Measure) -> Iterator[str]:
    drawn = [point for lines in points.values() for xs in lines.values() for point in xs.values()]
    what = "interquartile mean over runs and environments" if spec.y in NORMALIZED else "mean over seeds"
    kind = "stratified bootstrap interval" if spec.y in NORMALIZED else METHOD
    yield f"bar: {what}" + (f"; line: 95 % {kind}" if any(point.low is not None for point in drawn) else "")
    yield from _environments(spec, points)
    yield from notes.missing_runs(selection, spec)
    yield from notes.few_seeds(point.num_seeds for point in drawn)
    runs = by_line(placed, lambda xs: [run for each in xs.values() for run in each])
    yield from notes.left_out(run for each in runs.values() for run in each)
    yield from notes.mixtures(runs)
    yield from notes.normalized(measure, [run for each in runs.values() for run in each])
    yield from notes.problems(selection)


def _environments(spec: Spec, points: Points) -> Iterator[str]:
    """Panels over fewer environments than others, and bars over fewer than their panel, which cannot be compared."""
    every = sorted(
        {name for lines in points.values() for xs in lines.values() for p in xs.values() for name in p.environments}
    )
    for panel, lines in points.items():
        there = sorted({name for xs in lines.values() for point in xs.values() for name in point.environments})
        title = panel_title(spec, panel) or "this figure"
        if there and len(there) < len(every):
            yield f"{title}: over {', '.join(map(printable, there))} alone"
        for line, xs in lines.items():
            for point in xs.values():
                if 0 < len(point.environments) < len(there):
                    names = ", ".join(map(printable, point.environments))
                    yield f"{title}: {printable(line.label)} is over {names} alone"
