"""Sparse beside dense at equal cost: the difference of returns at equal parameters, equal FLOPs and equal seconds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sparserl.persistence import UserError
from sparserl.report.beside_dense import COSTS, Beside, beside_dense, in_words
from sparserl.report.comparisons import Comparison
from sparserl.report.figures import notes
from sparserl.report.figures.canvas import bottom, finish, grid, name_panel
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.legends import Entry
from sparserl.report.figures.lettering import shortened
from sparserl.report.figures.lines import environments_of
from sparserl.report.figures.named_lines import SPARSE, Line, in_legend_order
from sparserl.report.figures.places import cells
from sparserl.report.figures.specs import Spec
from sparserl.report.figures.summary import panel_title, shown_panels
from sparserl.report.figures.words import estimate_in_words, printable, tick

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection

_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "parameters": {"color": "#0072B2", "marker": "o"},
    "FLOPs": {"color": "#D55E00", "marker": "s"},
    "seconds": {"color": "#009E73", "marker": "^"},
}
_MARK: Mapping[str, Any] = {"linestyle": "", "markersize": 5}
_ROW_INCHES, _WIDTH_INCHES, _LABEL_INCHES = 0.42, 2.9, 2.4
_MOST_COLUMNS, _MOST_LINES, _MOST_REASONS = 3, 30, 4
Table = dict[tuple[Any, Any], dict[Line, Beside]]


def draw_equal_cost(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Drawn:
    """Three marks for each sparse experiment, with their intervals; a panel for each environment."""
    table = _compared(spec, selection, runs)
    if not table:
        raise UserError("there is no run of a sparse network")
    shown, more = shown_panels(_known(table) or table)
    lines = in_legend_order(line for each in shown.values() for line in each)
    every = lines[:_MOST_LINES]
    if len(lines) > len(every):
        more = (*more, f"{len(every)} of {len(lines)} lines are shown; the table has all")
    labels = [shortened(printable(line.label), _LABEL_INCHES, FontProperties(size=8)) for line in every]
    inches = _WIDTH_INCHES, 0.75 + _ROW_INCHES * len(every)
    panels = grid(len(shown), min(len(shown), _MOST_COLUMNS), inches, 6.4, sharey=True)
    for axes, (panel, each) in zip(panels.axes, shown.items(), strict=True):
        _draw_panel(axes, each, every)
        axes.set_yticks(range(len(every)), labels, fontsize=8)
        axes.set_ylim(len(every) - 0.5, -0.5)
        name_panel(panels, axes, panel_title(spec, panel))
    for axes in bottom(panels):
        axes.set_xlabel("return above that of dense")
    said = (*more, *_notes(spec, selection, runs, table))
    legend = [Entry(Line2D([], [], **_MARK, **look), f"at equal {name}") for name, look in _LOOKS.items()]
    finish(panels, printable(spec.title), legend, said)
    return Drawn(spec.name, spec.title, panels.figure, _text(spec, table), _HEADER, tuple(_rows(table)), said)


def _compared(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Table:
    """By environment and line, whose runs are of one experiment."""
    compared = beside_dense(runs)
    placed = cells(runs, spec._replace(x=""), environments_of(selection))
    table: Table = {}
    for panel, lines in placed.items():
        for line, xs in lines.items():
            own = {run.id.experiment for each in xs.values() for run in each}
            if line.role == SPARSE and len(own) == 1 and (beside := compared.get(own.pop())) is not None:
                table.setdefault(panel, {})[line] = beside
    return table


def _known(table: Table) -> Table:
    """Without lines and panels that have no number."""
    kept = {
        panel: {
            line: each for line, each in lines.items() if any(comparison.difference is not None for comparison in each)
        }
        for panel, lines in table.items()
    }
    return {panel: lines for panel, lines in kept.items() if lines}


def _draw_panel(axes: Axes, lines: Mapping[Line, Beside], every: Sequence[Line]) -> None:
    axes.axvline(0, color="#9A9A9A", linewidth=1)
    for line, beside in lines.items():
        for place, (name, comparison) in enumerate(zip(COSTS, beside, strict=True)):
            if line in every and (difference := comparison.difference) is not None:
                y, style = every.index(line) + 0.25 * (place - 1), _LOOKS[name]
                if difference.ends is not None:
                    axes.hlines(y, *difference.ends, color=style["color"], linewidth=1.3)
                hollow = {"markerfacecolor": "white", "markeredgecolor": style["color"]}
                axes.plot(
                    [difference.value], [y], **_MARK, **style, **(hollow if comparison.improvement is None else {})
                )
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(tick))


def _notes(spec: Spec, selection: "Selection", runs: Sequence["Run"], table: Table) -> Iterator[str]:
    yield "right of 0: sparse is better; bar: 95 % interval, runs of the same seeds in pairs; the table has the chances"
    yield "parameters: beside the dense network of as many; seconds: of full size, both cut off together"
    yield "FLOPs: of a forward pass, within 2 %; hollow: between the next smaller and the next larger dense network"
    lacks: dict[str, dict[str, None]] = {}
    for panel, lines in table.items():
        for line, beside in lines.items():
            for name, comparison in zip(COSTS, beside, strict=True):
                if comparison.difference is None:
                    who = f"{panel_title(spec, panel)} {line.label}"
                    lacks.setdefault(f"{name}: {'; '.join(comparison.missing)}", {})[who] = None
    for reason, names in list(lacks.items())[:_MOST_REASONS]:
        yield f"not compared at equal {printable(reason)}: {notes.listed([printable(name) for name in names])}"
    if len(lacks) > _MOST_REASONS:
        yield f"{len(lacks) - _MOST_REASONS} more reasons are in the table"
    yield from notes.missing_runs(selection, spec)
    differences = [comparison.difference for lines in table.values() for each in lines.values() for comparison in each]
    yield from notes.few_seeds(each.num_seeds[0] for each in differences if each is not None)
    yield from notes.left_out(runs)
    yield from notes.problems(selection)


_HEADER = (
    *("environment", "line", "at_equal", "difference", "low", "high"),
    *("probability_of_improvement", "probability_low", "probability_high", "seeds", "dense_seeds", "remark"),
)


def _rows(table: Table) -> Iterator[tuple[Any, ...]]:
    for (_, environment), lines in table.items():
        for line, beside in lines.items():
            for name, comparison in zip(COSTS, beside, strict=True):
                numbers = (
                    value
                    for told in (comparison.difference, comparison.improvement)
                    for value in ((None,) * 3 if told is None else (told.value, told.low, told.high))
                )
                yield (environment, line.label, name, *numbers, *comparison.num_runs, _remark(comparison))


def _remark(comparison: Comparison) -> str:
    if comparison.difference is None:
        return "; ".join(comparison.missing)
    between = ["between two dense networks, hence no probability"] if comparison.improvement is None else []
    return "; ".join([*between, *filter(None, [comparison.difference.reason])])


def _text(spec: Spec, table: Table) -> str:
    counted = in_words(each for lines in table.values() for each in lines.values())
    told = []
    for place, name in enumerate(COSTS):
        differences = [
            (difference, line, panel)
            for panel, lines in table.items()
            for line, each in lines.items()
            if (difference := each[place].difference) is not None
        ]
        if differences:
            most, line, panel = max(differences, key=lambda each: each[0].value)
            value = estimate_in_words(most.value, most.low, most.high)
            told.append(f"at equal {name} {printable(line.label)}, {panel_title(spec, panel)}, with {value}")
    best = f" Best: {'; '.join(told)}." if told else ""
    return f"{printable(spec.title)}: by 95 % intervals of the difference {counted}.{best}"
