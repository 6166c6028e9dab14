"""Sample efficiency: after how many environment steps a run first does as well as most of what dense networks learn."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sparserl.persistence import UserError
from sparserl.report.figures import notes
from sparserl.report.figures.canvas import bottom, finish, grid, name_panel
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.lettering import shortened
from sparserl.report.figures.lines import environments_of
from sparserl.report.figures.looks import look
from sparserl.report.figures.named_lines import FULL, Line, in_legend_order
from sparserl.report.figures.places import cells
from sparserl.report.figures.specs import Spec
from sparserl.report.figures.summary import panel_title, shown_panels
from sparserl.report.figures.words import number, printable, significant, tick

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection

SHARE = 0.9  # of the way from the first return of dense networks of full size to their last
_ROW_INCHES, _WIDTH_INCHES, _LABEL_INCHES = 0.19, 2.9, 2.4
_MOST_COLUMNS = 4
_SMALL: Mapping[str, Any] = {"fontsize": 7, "color": "#777777"}
_UNIT, _FROM = 1_000, 10_000  # steps; from which on they are counted so


class Reached(NamedTuple):
    """Steps at which each seed first reached the threshold; infinite where it did not."""

    steps: tuple[float, ...]
    threshold: float

    @property
    def median(self) -> float:
        """Infinite where half of the seeds or more did not reach it."""
        in_order = sorted(self.steps)
        return (in_order[(len(in_order) - 1) // 2] + in_order[len(in_order) // 2]) / 2


Table = dict[tuple[Any, Any], dict[Line, Reached]]


def draw_thresholds(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Drawn:
    """The median over seeds, and every seed by itself; a panel for each environment."""
    placed = cells(runs, spec._replace(x=""), environments_of(selection))
    reached = {panel: each for panel, lines in placed.items() if (each := _reached(lines))}
    if not reached:
        raise UserError("there is no finished run of a dense network of full size, whose return would be the threshold")
    shown, more = shown_panels(reached)
    every = in_legend_order(line for lines in shown.values() for line in lines)
    num_columns = min(len(shown), _MOST_COLUMNS)
    every_step = [steps for lines in shown.values() for each in lines.values() for steps in each.steps]
    large = max(filter(np.isfinite, every_step), default=0) >= _FROM
    unit, unit_name = (_UNIT, " (thousands)") if large else (1, "")
    labels = [shortened(printable(line.label), _LABEL_INCHES, FontProperties(size=8)) for line in every]
    panels = grid(len(shown), num_columns, (_WIDTH_INCHES, 0.75 + _ROW_INCHES * len(every)), 6.4, sharey=True)
    for axes, (panel, lines) in zip(panels.axes, shown.items(), strict=True):
        _draw_panel(axes, lines, every, unit)
        axes.set_yticks(range(len(every)), labels, fontsize=8)
        axes.set_ylim(len(every) - 0.4, -0.6)
        thresholds = dict.fromkeys(significant(each.threshold) for each in lines.values())
        name_panel(panels, axes, f"{panel_title(spec, panel) or 'all'}: {' or '.join(thresholds)}")
    for axes in bottom(panels):
        axes.set_xlabel(f"steps{unit_name}")
    without = [
        printable(line.label) for panel, lines in placed.items() for line in lines if line not in reached.get(panel, {})
    ]
    said = (*more, *_notes(spec, selection, list(dict.fromkeys(without))))
    finish(panels, printable(spec.title), (), said)
    header = (*(name for name in spec.facets if name), "line", "threshold", "median_steps", "seeds", "reached")
    return Drawn(spec.name, spec.title, panels.figure, _text(spec, reached), header, tuple(_rows(spec, reached)), said)


def _reached(lines: Mapping[Line, Mapping[Any, Sequence["Run"]]]) -> dict[Line, Reached]:
    runs = {line: [run for each in xs.values() for run in each] for line, xs in lines.items()}
    environments = {run.columns.get("environment") for each in runs.values() for run in each}
    if len(environments) > 1:
        return {}
    full = [each for line, each in runs.items() if line.role == FULL]
    thresholds = {
        line: _threshold([each for each in full if _goes_with(each[0], own[0])]) for line, own in runs.items()
    }
    return {
        line: Reached(tuple(_first(run, threshold) for run in runs[line]), threshold)
        for line, threshold in thresholds.items()
        if threshold is not None
    }


def _goes_with(dense: "Run", run: "Run") -> bool:
    """Whether a dense network is one that a run is measured by: itself, if it is dense, or one of its provenance."""
    if run.columns.get("role") == FULL:
        return dense.id.experiment == run.id.experiment
    names = ("agent", "network_kind", "results_version", "preset")
    return all(dense.columns.get(name) == run.columns.get(name) for name in names)


def _threshold(dense: Sequence[Sequence["Run"]]) -> float | None:
    """Of the runs of a single dense network; of several it cannot be told which is meant."""
    finished = [run for each in dense for run in each if run.final_return is not None]
    if len(dense) != 1 or not finished:
        return None
    first = float(np.mean([run.mean_return[0] for run in finished]))
    last = float(np.mean([run.final_return for run in finished]))
    return first + SHARE * (last - first)


def _first(run: "Run", threshold: float) -> float:
    above = np.flatnonzero(np.asarray(run.mean_return, np.float64) >= threshold)
    return float(run.environment_steps[above[0]]) if len(above) else np.inf


def _draw_panel(axes: Axes, lines: Mapping[Line, Reached], every: Sequence[Line], unit: int) -> None:
    for line, reached in lines.items():
        place, style = every.index(line), {**look(line, every), "linestyle": ""}
        finite = [steps / unit for steps in reached.steps if np.isfinite(steps)]
        single: dict[str, Any] = {"markersize": 4, "alpha": 0.45, "markeredgewidth": 0}
        axes.plot(finite, [place] * len(finite), "o", color=style["color"], **single)
        if np.isfinite(reached.median):
            axes.plot([reached.median / unit], [place], **{**style, "markersize": 7})
        where = 1.0, place
        told = f"{len(finite)}/{len(reached.steps)}"
        axes.annotate(told, where, (3, 0), axes.get_yaxis_transform(), "offset points", va="center", **_SMALL)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(tick))


def _notes(spec: Spec, selection: "Selection", without: Sequence[str]) -> Iterator[str]:
    yield "large mark: median over seeds, if more than half get there; small: single seeds; at the right: how many do"
    yield "after the name of an environment: the return that is to be reached"
    way = f"{100 * SHARE:g} % of the way from the first return of dense networks of full size to their last"
    yield f"threshold: {way}; a seed is there at its first evaluation above it"
    if without:
        yield f"left out, as no single dense network of full size goes with them everywhere: {notes.listed(without)}"
    yield from notes.missing_runs(selection, spec)
    yield from notes.problems(selection)


def _rows(spec: Spec, table: Table) -> Iterator[tuple[Any, ...]]:
    for panel, lines in table.items():
        where = [value for name, value in zip(spec.facets, panel, strict=True) if name]
        for line, reached in lines.items():
            median = reached.median if np.isfinite(reached.median) else None
            num_reached = sum(map(np.isfinite, reached.steps))
            yield (*where, line.label, reached.threshold, median, len(reached.steps), int(num_reached))


def _text(spec: Spec, table: Table) -> str:
    told = []
    for panel, lines in list(table.items())[:3]:
        line, reached = min(lines.items(), key=lambda each: each[1].median)
        where = panel_title(spec, panel)
        if np.isfinite(reached.median):
            told.append(f"{where}: {printable(line.label)} first, after {number(reached.median)} steps")
        else:
            told.append(f"{where}: no line gets there")
    return f"{printable(spec.title)}: environment steps until a threshold is reached. {'; '.join(told)}."
