"""One panel of a figure of lines: its axis, its lines with their spread, its levels and marks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from sparserl.report.figures.line_axes import Axis, set_scale
from sparserl.report.figures.looks import look
from sparserl.report.figures.named_lines import FULL, Line
from sparserl.report.figures.places import EVERYWHERE
from sparserl.report.figures.points import Point
from sparserl.report.figures.specs import SIZES
from sparserl.report.figures.summary import Points
from sparserl.report.figures.words import printable, value_label

MARKED_SPARSITY = 0.8  # whose number of parameters the paper marks by a vertical line
_MARK: Mapping[str, Any] = {"color": "#9A9A9A", "linestyle": (0, (1, 2)), "linewidth": 1.1}
_SMALL: Mapping[str, Any] = {"fontsize": 6.5, "color": "#777777"}
_BAND, _LEVEL_BAND = 0.15, 0.1  # opacity
_APART_POINTS, _WIDEST_POINTS = 6.0, 36.0  # of marks at one place, and of all of them
_LABEL_SHARE = 0.09  # of a panel's width, that a sparsity along its edge takes


def draw_panel(
    axes: Axes, axis: Axis, lines: Mapping[Line, Mapping[Any, Point]], every: Sequence[Line], runs: Mapping[Line, Any]
) -> bool:
    """Draw all lines of a panel, in the looks that they have among `every` line; whether something is marked in it."""
    set_scale(axes, axis)
    aside = beside_each_other(lines)
    for line, xs in lines.items():
        style = look(line, every)
        known = {x: point for x, point in xs.items() if point.value is not None}
        if (level := known.pop(EVERYWHERE, None)) is not None:
            _draw_level(axes, level, line, style)
        along = [x for x in known if x is not None or not axis.is_numeric]
        if along:
            beside = aside.get(line, 0.0)
            _draw_line(axes, [axis.place(x) for x in along], [known[x] for x in along], line, style, beside)
    if axis.column in SIZES:
        _annotate(axes, axis, runs)
    if not any(point.value is not None for xs in lines.values() for point in xs.values()):
        axes.text(0.5, 0.5, "no run has a number to show", transform=axes.transAxes, ha="center", color="#888888")
    return _mark(axes, axis, runs)


def legend(every: Sequence[Line], points: Points, axis: Axis, is_marked: bool) -> Iterator[tuple[Artist, str]]:
    """A handle and a label for every line, and one for what is marked."""
    for line in every:
        xs = {x for lines in points.values() for x in lines.get(line, {})}
        style = look(line, every) | ({"marker": ""} if xs == {EVERYWHERE} else {})
        yield Line2D([], [], **style), printable(line.label)
    if is_marked:
        sparse = f"size at {value_label('sparsity', MARKED_SPARSITY)} sparsity"
        yield Line2D([], [], **_MARK), sparse if axis.column in SIZES else "the dense network's own share"


def beside_each_other(lines: Mapping[Line, Mapping[Any, Point]]) -> dict[Line, float]:
    """By how many points marks of lines that have one each move aside, so that none hides another."""
    there = {
        line: [x for x, point in xs.items() if x != EVERYWHERE and point.value is not None]
        for line, xs in lines.items()
    }
    single = [line for line, xs in there.items() if len(xs) == 1]
    apart = min(_APART_POINTS, _WIDEST_POINTS / max(len(single), 1))
    return {line: apart * (place - (len(single) - 1) / 2) for place, line in enumerate(single)}


def _draw_line(
    axes: Axes, places: list[float], points: list[Point], line: Line, style: Mapping[str, Any], beside: float
) -> None:
    drawn: list[Artist] = []
    for part in _with_intervals(places, points):
        low, high = (np.array([getattr(point, end) for _, point in part], np.float64) for end in ("low", "high"))
        if len(part) == 1:
            drawn.append(axes.vlines(part[0][0], low, high, color=style["color"], linewidth=1.2))
        else:
            axes.fill_between([place for place, _ in part], low, high, color=style["color"], alpha=_BAND, linewidth=0)
    for place, point in zip(places, points, strict=True):
        if point.low is None and len(point.values) > 1:  # too few for an interval: every seed by itself
            seeds = {"color": style["color"], "markersize": 5, "markeredgewidth": 0, "alpha": 0.55}
            drawn += axes.plot([place] * len(point.values), point.values, ".", label="_seeds", **seeds)
    drawn += axes.plot(places, [point.value for point in points], label=line.label, **style)  # type: ignore[arg-type]
    if beside:
        scale = axes.figure.dpi_scale_trans
        for artist in drawn:  # moved once limits are known, which are those of numbers
            artist.set_transform(axes.transData + ScaledTranslation(beside / 72, 0, scale))
            artist.set_clip_on(False)


def _with_intervals(places: list[float], points: list[Point]) -> list[list[tuple[float, Point]]]:
    """Neighbouring points that have intervals, together; a point without one parts them."""
    parts: list[list[tuple[float, Point]]] = [[]]
    for place, point in zip(places, points, strict=True):
        if point.low is None:
            parts.append([])
        else:
            parts[-1].append((place, point))
    return [part for part in parts if part]


def _draw_level(axes: Axes, level: Point, line: Line, style: Mapping[str, Any]) -> None:
    axes.axhline(level.value, label=line.label, **{**style, "marker": "", "linewidth": 1.5})  # type: ignore[arg-type]
    if level.low is not None and level.high is not None:
        axes.axhspan(level.low, level.high, color=style["color"], alpha=_LEVEL_BAND, linewidth=0)


def _annotate(axes: Axes, axis: Axis, runs: Mapping[Line, Any]) -> None:
    """Sparsities along the upper edge, where sparse networks of that size stand."""
    sparse = [line for line in runs if line.role == "sparse"]
    line = next((each for each in sparse if each.method == "prune"), sparse[0] if sparse else None)
    known = {x: each[0] for x, each in runs[line].items() if x is not None and x != EVERYWHERE} if line else {}
    low, high = np.log(axes.get_xlim())
    told_at = -np.inf
    for x in sorted(known):
        place = (np.log(axis.place(x)) - low) / (high - low)
        if place - told_at >= _LABEL_SHARE:  # or it would stand on the one before
            told_at = place
            told, where = value_label("sparsity", known[x].columns.get("sparsity")), (axis.place(x), 1.0)
            axes.annotate(told, where, (0, 1.5), axes.get_xaxis_transform(), "offset points", ha="center", **_SMALL)


def _mark(axes: Axes, axis: Axis, runs: Mapping[Line, Any]) -> bool:
    """The number of parameters of networks with 80 % sparsity, or the actor's share in dense networks of full size."""
    marked: set[float] = set()
    for line, xs in runs.items():
        for run in (run for each in xs.values() for run in each):
            wanted = run.columns.get("sparsity") == MARKED_SPARSITY if axis.column in SIZES else line.role == FULL
            if axis.column in (*SIZES, "actor_share") and wanted and run.columns.get(axis.column) is not None:
                marked.add(axis.place(run.columns[axis.column]))
    if marked:
        axes.axvline(sorted(marked)[len(marked) // 2], zorder=0.5, label="_mark", **_MARK)
    return bool(marked)
