"""Curves: what was measured along training, against steps, seconds or computation; over diagnostics, too."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sparserl.persistence import UserError
from sparserl.report.figures import notes
from sparserl.report.figures.canvas import finish, name_panel
from sparserl.report.figures.curve_panels import (
    Band,
    Curve,
    draw_curve,
    entries,
    explanation,
    log_axis,
    seeds_in_words,
    set_ticks,
)
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.lines import environments_of, label_axes, level, panels_for
from sparserl.report.figures.looks import look
from sparserl.report.figures.named_lines import Line, in_legend_order
from sparserl.report.figures.places import cells
from sparserl.report.figures.points import Point, measure_of
from sparserl.report.figures.series import Series, curve_of, panel_of, series_of, shared
from sparserl.report.figures.specs import LOGARITHMIC, MEASURES, NORMALIZED, OF_NETWORKS, Spec
from sparserl.report.figures.summary import alternative_text, panel_title, shown_panels, table_of
from sparserl.report.figures.words import column_label, printable, told
from sparserl.report.provenance import machine_of
from sparserl.report.statistics import FEWEST_FOR_INTERVAL, mean_interval

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection

_UNITS = ((1e12, "trillions"), (1e9, "billions"), (1e6, "millions"), (1e3, "thousands"))
_FROM = 2  # units from which on one is used
_POOLED = "line: interquartile mean over n runs of all environments; band: 95 % stratified bootstrap interval"
Gathered = dict[tuple[Any, Any], dict[Line, list[Series]]]


def draw_curves(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Drawn:
    """Means over seeds along training with 95 % intervals; single seeds where they are too few, or stop early."""
    series = _gathered(spec, selection, runs)
    if not series:
        raise UserError(f"no run has a value of {column_label(spec.y)}" + _remedy(spec))
    curves = {panel: {line: curve_of(each, spec.x) for line, each in lines.items()} for panel, lines in series.items()}
    if spec.x in LOGARITHMIC:  # where 0 has no place
        positive = lambda curve: Curve(
            curve.places[curve.places > 0], curve.returns[:, curve.places > 0], curve.num_diverged
        )
        curves = {panel: {line: positive(curve) for line, curve in lines.items()} for panel, lines in curves.items()}
    shown, more = shown_panels(curves)
    every = in_legend_order(line for lines in shown.values() for line in lines)
    largest = max((curve.places.max(initial=0) for lines in curves.values() for curve in lines.values()), default=0)
    unit, unit_name = next(((size, f" ({name})") for size, name in _UNITS if largest >= _FROM * size), (1.0, ""))
    panels = panels_for(spec, list(shown))
    for axes, (panel, lines) in zip(panels.axes, shown.items(), strict=True):
        for line, curve in lines.items():
            scaled = curve._replace(places=curve.places / unit)
            draw_curve(axes, scaled, line.label, look(line, every), (every.index(line), len(every)))
        set_ticks(axes)
        if spec.x in LOGARITHMIC:
            log_axis(axes.xaxis)
        if spec.y in MEASURES and spec.y.endswith("signal_to_noise"):
            log_axis(axes.yaxis)
        name_panel(panels, axes, panel_title(spec, panel))
    level(panels, spec, list(shown))
    label_axes(panels, f"{column_label(spec.x)}{unit_name}", column_label(spec.y))
    counts = {_num_seeds(each) for lines in series.values() for each in lines.values()}
    pooled = any(curve.pooled is not None for lines in curves.values() for curve in lines.values())
    read = (_POOLED,) if pooled else explanation(panels, set())
    said = (*read, *more, *_notes(spec, selection, series, counts, runs))
    labels = {line.label: _label(line, [lines[line] for lines in curves.values() if line in lines]) for line in every}
    finish(panels, printable(spec.title), entries(panels, labels), said)
    points = {panel: {line: _points(curve) for line, curve in lines.items()} for panel, lines in curves.items()}
    return Drawn(
        spec.name, spec.title, panels.figure, alternative_text(spec, points, said), *table_of(spec, points), said
    )


def _num_seeds(series: Sequence[Series]) -> int:
    """The fewest seeds of an environment."""
    return min(Counter(each.run.columns.get("environment") for each in series).values())


def _gathered(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Gathered:
    """The series of all runs by panel and line; networks are never pooled, whether they make panels or not."""
    rows, columns, lines_by = ("" if name in OF_NETWORKS else name for name in (*spec.facets, spec.lines))
    of_runs = spec._replace(x="", rows=rows, columns=columns, lines=lines_by)
    measure = measure_of(spec, selection.runs)
    gathered: Gathered = {}
    placed = cells(runs, of_runs, environments_of(selection), machine_of if spec.x == "seconds" else lambda run: None)
    for panel, lines in placed.items():
        for line, xs in lines.items():
            for run in (run for each in xs.values() for run in each):
                for series in series_of(run, spec, measure):
                    if np.isfinite(series.values).any():
                        place = panel_of(panel, spec, series)
                        gathered.setdefault(place, {}).setdefault(_line(line, spec, series), []).append(series)
    order = list(gathered)
    in_order = lambda panel: [order.index(panel)]
    if spec.rows in OF_NETWORKS:
        in_order = lambda panel: [str(panel[0]), order.index(panel)]  # type: ignore[list-item]
    return {panel: gathered[panel] for panel in sorted(gathered, key=in_order)}


def _line(line: Line, spec: Spec, series: Series) -> Line:
    apart = [told(name, value) for name, value in series.network.items() if name not in spec.facets and value != "all"]
    return line._replace(extra=(*line.extra, *apart), label=" ".join([line.label, *apart])) if apart else line


def _label(line: Line, curves: Sequence[Curve]) -> str:
    return f"{printable(line.label)}  \u00b7  {seeds_in_words(curves)}"


def _points(curve: Curve) -> dict[Any, Point]:
    """The mean at each place where every seed has a value."""
    if curve.pooled is not None:
        return _pooled_points(curve, curve.pooled)
    complete = np.isfinite(curve.returns).all(axis=0)
    few = len(curve.returns) < FEWEST_FOR_INTERVAL
    ends = (None, None) if few else mean_interval(curve.returns)
    points = {}
    for i in np.flatnonzero(complete):
        low, high = (None if each is None else float(each[i]) for each in ends)
        values = tuple(curve.returns[:, i].tolist())
        points[curve.places[i].item()] = Point(
            float(np.mean(values)), low, high, values, len(values), (), curve.num_diverged, 0, 0
        )
    return points


def _pooled_points(curve: Curve, band: Band) -> dict[Any, Point]:
    """The same of environments together."""
    points = {}
    for i, place in enumerate(curve.places.tolist()):
        low, high = (float(end[i]) if np.isfinite(end[i]) else None for end in (band.low, band.high))
        values = tuple(curve.returns[:, i].tolist())
        points[place] = Point(float(band.values[i]), low, high, values, len(values), (), curve.num_diverged, 0, 0)
    return points


def _notes(
    spec: Spec, selection: "Selection", series: Gathered, counts: set[int], runs: Sequence["Run"]
) -> Iterator[str]:
    if spec.x == "seconds":
        yield "seeds are interpolated between evaluations, and shown until the shortest run of a line ends"
        if any(shared(each) is None for lines in series.values() for each in lines.values()):
            yield "where seeds of a line share no second, they are shown one by one, without a mean"
        hosts = sorted({printable(run.status.host) for run in runs if run.status and run.status.host})
        if len(hosts) > 1:
            yield f"seconds are those of {len(hosts)} machines, which may not be equally fast: {notes.listed(hosts)}"
    if spec.x == "training_macs":
        yield "multiply-accumulates: those that are live at the end, of one forward pass, times updates"
        if any(run.columns.get("method") == "prune" for run in runs):
            yield "pruning trains larger networks before, so that its curves stand too far left"
    yield from notes.missing_runs(selection, spec)
    yield from notes.few_seeds(counts)
    by_line: dict[Line, list[Run]] = {}
    for lines in series.values():
        for line, each in lines.items():
            by_line.setdefault(line, []).extend(seed.run for seed in each)
    drawn = {run.id for each in by_line.values() for run in each}
    if without := sum(run.id not in drawn for run in runs):
        what = "without diagnostics" if spec.y in MEASURES else "without a number to show"
        yield f"{what}, left out: {without} of {len(runs)} runs"
    yield from notes.mixtures(by_line)
    if spec.y in NORMALIZED:
        yield from notes.normalized(
            measure_of(spec, selection.runs), [run for each in by_line.values() for run in each]
        )
    yield from notes.problems(selection)


def _remedy(spec: Spec) -> str:
    return "; `sparserl train --diagnostics` records it" if spec.y in MEASURES else ""
