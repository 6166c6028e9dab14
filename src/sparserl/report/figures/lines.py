"""Lines: what was measured at the end of training against what was chosen, as the number of parameters."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties

from sparserl.report.figures import notes
from sparserl.report.figures.canvas import Grid, bottom, finish, grid, name_panel
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.legends import Entry
from sparserl.report.figures.lettering import wrapped
from sparserl.report.figures.line_axes import axis_of
from sparserl.report.figures.line_panels import beside_each_other, draw_panel, legend
from sparserl.report.figures.named_lines import in_legend_order
from sparserl.report.figures.places import cells
from sparserl.report.figures.points import Measure, measure_of, point_of
from sparserl.report.figures.specs import NORMALIZED, SIZES, Spec
from sparserl.report.figures.summary import Points, alternative_text, by_line, panel_title, shown_panels, table_of
from sparserl.report.figures.words import column_label, printable
from sparserl.report.statistics import METHOD

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection

_INCHES, _ONLY_INCHES = (3.1, 2.5), (5.6, 3.2)
_NUM_COLUMNS = {1: 1, 2: 2, 4: 2, 5: 3, 6: 3, 9: 3}  # of so many panels; others stand in rows of four, or of five


def draw_lines(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Drawn:
    """Means over seeds with 95 % intervals, a panel for each facet; dense networks of full size as a level."""
    over_tasks, measure = spec.y in NORMALIZED, measure_of(spec, selection.runs)
    placed = cells(runs, spec, environments_of(selection))
    points: Points = {
        panel: {line: {x: point_of(each, measure, over_tasks) for x, each in xs.items()} for line, xs in lines.items()}
        for panel, lines in placed.items()
    }
    shown, more = shown_panels(points)
    said = (*more, *_notes(spec, selection, placed, points, measure))
    every = in_legend_order(line for lines in shown.values() for line in lines)
    axis = axis_of(spec, points)
    panels = panels_for(spec, list(shown))
    marked = []
    for axes, (panel, lines) in zip(panels.axes, shown.items(), strict=True):
        marked.append(draw_panel(axes, axis, lines, every, placed[panel]))
        name_panel(panels, axes, panel_title(spec, panel), 13 if spec.x in SIZES else 8)
    level(panels, spec, list(shown))
    label_axes(panels, axis.label, column_label(spec.y))
    finish(panels, printable(spec.title), [Entry(*each) for each in legend(every, shown, axis, any(marked))], said)
    return Drawn(
        spec.name, spec.title, panels.figure, alternative_text(spec, points, said), *table_of(spec, points), said
    )


def environments_of(selection: "Selection") -> list[str]:
    """The study's environments in its own order; those of other runs come after, in that of the alphabet."""
    return list(dict.fromkeys(experiment.environment for experiment in selection.experiments))


def panels_for(spec: Spec, panels: Sequence[tuple[Any, Any]]) -> Grid:
    """A grid of rows and columns where the spec makes a full one of few columns, else panels one after another."""
    rows, columns = ({panel[i] for panel in panels} for i in (0, 1))
    is_grid = len(panels) == len(columns) * len(rows) and len(rows) > 1 and 1 < len(columns) <= 5
    number = len(panels)
    num_columns = len(columns) if is_grid else _NUM_COLUMNS.get(number, min(number, 4 if number <= 12 else 5))
    alike = "environment" not in spec.facets or spec.y in NORMALIZED
    return grid(number, num_columns, _ONLY_INCHES if num_columns == 1 else _INCHES, sharey=alike)


def level(panels: Grid, spec: Spec, shown: Sequence[tuple[Any, Any]]) -> None:
    """One scale for all panels of an environment, so that what stands in them can be compared by eye."""
    if "environment" not in spec.facets:
        return
    alike: dict[Any, list[Axes]] = {}
    for axes, panel in zip(panels.axes, shown, strict=True):
        alike.setdefault(panel[spec.facets.index("environment")], []).append(axes)
    for group in alike.values():
        ends = [each for axes in group for each in axes.get_ylim()]
        for axes in group:
            axes.set_ylim(min(ends), max(ends))


def label_axes(panels: Grid, x_label: str, y_label: str) -> None:
    """Labels at the left and lower edge of the grid."""
    room = panels.figure.get_figwidth() / panels.num_columns - 0.6
    for axes in bottom(panels):
        axes.set_xlabel(wrapped(x_label, room, FontProperties(size=9)))
        axes.tick_params(labelbottom=True)
    height = panels.figure.get_figheight() / -(-len(panels.axes) // panels.num_columns) - 0.7
    for axes in panels.axes[:: panels.num_columns]:
        axes.set_ylabel(wrapped(y_label, height, FontProperties(size=9)))
    panels.figure.align_ylabels(panels.axes[:: panels.num_columns])


def _notes(spec: Spec, selection: "Selection", placed: Any, points: Points, measure: Measure) -> Iterator[str]:
    drawn = [point for lines in points.values() for xs in lines.values() for point in xs.values()]
    what = "interquartile mean over runs and environments" if spec.y in NORMALIZED else "mean over seeds"
    kind = "stratified bootstrap intervals" if spec.y in NORMALIZED else f"{METHOD}s"
    yield f"mark: {what}" + (f"; band: 95 % {kind}" if any(point.low is not None for point in drawn) else "")
    if any(len(beside_each_other(lines)) > 1 for lines in points.values()):
        yield "marks of lines that have one stand side by side, not quite at their places"
    yield from notes.missing_runs(selection, spec)
    yield from notes.few_seeds(point.num_seeds for point in drawn)
    runs = by_line(placed, lambda xs: [run for each in xs.values() for run in each])
    nowhere = {run.id for each in runs.values() for run in each if run.columns.get(spec.x) is None}
    if spec.x in SIZES and nowhere:
        yield f"of {len(nowhere)} runs the {column_label(spec.x)} are not known, so that they have no place here"
    yield from notes.left_out(run for each in runs.values() for run in each)
    yield from notes.mixtures(runs)
    yield from notes.normalized(measure, [run for each in runs.values() for run in each])
    yield from notes.problems(selection)
