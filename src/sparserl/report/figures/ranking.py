"""Rankings: which configurations of a sweep came out best, and where the published choice stands among them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sparserl.report.figures import notes
from sparserl.report.figures.apart import differing
from sparserl.report.figures.canvas import finish, grid, name_panel
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.legends import Entry
from sparserl.report.figures.lettering import shortened
from sparserl.report.figures.lines import environments_of
from sparserl.report.figures.looks import look
from sparserl.report.figures.named_lines import SPARSE, Line, in_legend_order, line_of
from sparserl.report.figures.points import Point, measure_of, point_of
from sparserl.report.figures.published import is_published, published_table
from sparserl.report.figures.specs import Spec
from sparserl.report.figures.summary import shown_panels
from sparserl.report.figures.words import column_label, column_short, estimate_in_words, printable, tick, value_label

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection

_MOST = 8  # configurations of a panel; the table has all
_ROW_INCHES, _WIDTH_INCHES = 0.2, 7.2
_LABEL_INCHES = 2.6
_MARK: Mapping[str, Any] = {"marker": "*", "markersize": 11, "color": "#222222", "linestyle": ""}


class Configuration(NamedTuple):
    """A configuration of a line: its choices that others have otherwise, its place and its return."""

    rank: int
    choices: Mapping[str, Any]
    point: Point
    is_published: bool
    columns: Mapping[str, Any]


_TABLE = ("weight_decay", "optimizer.learning_rate", "method.window.interval_updates", "method.drop_fraction")
_FACTS = ("storage", "compressed_layers", "preset")  # that differ by what was chosen
Rankings = dict[tuple[Any, Line], list[Configuration]]  # by environment and line


def draw_ranking(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Drawn:
    """A dot for each configuration of a method, the best on top; a panel for each method and environment."""
    ranked = _ranked(spec, selection, runs)
    shown, more = shown_panels(ranked)
    every = in_legend_order(line for _, line in shown)
    sizes = [len(_visible(each)) + 1 for each in shown.values()]
    inches = _WIDTH_INCHES, 0.42 + _ROW_INCHES * sum(sizes) / len(sizes)
    panels = grid(len(shown), 1, inches, sharex=True, height_ratios=sizes)
    several = len({environment for environment, _ in ranked}) > 1
    for axes, ((environment, line), configurations) in zip(panels.axes, shown.items(), strict=True):
        _draw_panel(axes, _visible(configurations), look(line, every))
        name_panel(panels, axes, printable(f"{line.label}, {environment}" if several else line.label))
    panels.axes[-1].set_xlabel(column_label(spec.y))
    said = (*more, *_notes(selection, spec, runs, ranked))
    handle = Line2D([], [], **_MARK)
    marked = any(each.is_published for configurations in ranked.values() for each in configurations)
    finish(panels, printable(spec.title), [Entry(handle, "the paper's choice")] if marked else [], said)
    text = f"{printable(spec.title)}: configurations by {column_label(spec.y)}. {'; '.join(_told(ranked))}."
    return Drawn(spec.name, spec.title, panels.figure, text, *_table(spec, ranked), said)


def _ranked(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Rankings:
    """Configurations by panel and line, the best one first, those without a return last."""
    measure, order = measure_of(spec, selection.runs), environments_of(selection)
    grouped: dict[tuple[Any, Line], dict[str, list[Run]]] = {}
    for run in runs:
        role, matches = str(run.columns.get("role", SPARSE)), run.columns.get("matches") or ()
        place = run.columns.get("environment"), line_of(run, spec._replace(x="", lines="method"), role, matches)
        grouped.setdefault(place, {}).setdefault(run.id.experiment, []).append(run)
    lines, ranked = in_legend_order(line for _, line in grouped), {}
    where = lambda place: (order.index(place[0]) if place[0] in order else len(order), lines.index(place[1]))
    for place in sorted(grouped, key=where):
        experiments = grouped[place]
        apart = differing({name: each[0].columns for name, each in experiments.items()})
        names = sorted(_telling(apart, [each[0].columns for each in experiments.values()]), key=_place_in_table)
        scored = [(each[0].columns, point_of(each, measure)) for each in experiments.values()]
        scored.sort(key=lambda each: (each[1].value is None, -(each[1].value or 0.0), each[0]["experiment_id"]))
        ranked[place] = [
            Configuration(rank, {name: columns.get(name) for name in names}, point, is_published(columns), columns)
            for rank, (columns, point) in enumerate(scored, start=1)
        ]
    return ranked


def _telling(names: Sequence[str], experiments: Sequence[Mapping[str, Any]]) -> list[str]:
    """The choices by which configurations are told apart, and facts that follow from choices where these do not."""
    chosen = [name for name in names if name not in _FACTS]
    told = {tuple(str(columns.get(name)) for name in chosen) for columns in experiments}
    return chosen if len(told) == len(experiments) else list(names)


def _place_in_table(name: str) -> tuple[int, str]:
    """Choices stand in the order of the paper's tables, others after them."""
    return (_TABLE.index(name) if name in _TABLE else len(_TABLE)), name


def _visible(configurations: Sequence[Configuration]) -> list[Configuration]:
    """The best ones, and the published one wherever it stands."""
    best = [each for each in configurations if each.point.value is not None][:_MOST]
    known = [each for each in configurations if each.is_published and each.point.value is not None]
    return best + [each for each in known if each not in best]


def _draw_panel(axes: Axes, configurations: Sequence[Configuration], style: Mapping[str, Any]) -> None:
    for place, each in enumerate(configurations):
        point = each.point
        if point.low is not None and point.high is not None:
            axes.hlines(place, point.low, point.high, color=style["color"], linewidth=1.2)
        mark = _MARK if each.is_published else {**style, "markersize": 5.5, "linestyle": ""}
        axes.plot([point.value], [place], **mark)  # type: ignore[arg-type]
    names = " \u00b7 ".join(column_short(name) for name in configurations[0].choices) if configurations else ""
    values = [f"{_choices(each)}    {each.rank}" for each in configurations]
    font = FontProperties(size=7.5)
    labels = [shortened(printable(words), _LABEL_INCHES, font) for words in (names, *values)]
    axes.set_yticks(range(-1, len(configurations)), labels, fontproperties=font)
    for label, each in zip(axes.get_yticklabels()[1:], configurations, strict=True):
        label.set_fontweight("bold" if each.is_published else "normal")
    axes.get_yticklabels()[0].set_color("#999999")
    axes.set_ylim(len(configurations) - 0.4, -1.5)
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    axes.margins(x=0.08)


def _choices(configuration: Configuration) -> str:
    chosen = configuration.choices.items()
    return " \u00b7 ".join(value_label(name, value) for name, value in chosen) or "the only one"


def _notes(selection: "Selection", spec: Spec, runs: Sequence["Run"], ranked: Rankings) -> Iterator[str]:
    yield f"rank before each dot; at most {_MOST} of a panel are drawn, and the paper's choice wherever it stands"
    for (_, line), configurations in ranked.items():
        table = published_table(configurations[0].columns)
        if table and not any(each.is_published for each in configurations):
            name, number = printable(line.label), len(configurations)
            yield f"{name}: the paper's choice, {table}, is not among its {number} configurations"
    yield from notes.missing_runs(selection, spec)
    counts = [each.point.num_seeds for configurations in ranked.values() for each in configurations]
    yield from notes.few_seeds(counts)
    yield from notes.left_out(runs)
    yield from notes.problems(selection)


def _told(ranked: Rankings) -> Iterator[str]:
    for (_, line), configurations in list(ranked.items())[:6]:
        best = configurations[0]
        if best.point.value is not None:
            value = estimate_in_words(best.point.value, best.point.low, best.point.high)
            rank = next((each.rank for each in configurations if each.is_published), None)
            place = "" if rank is None else f"; the paper's choice is number {rank}"
            yield f"{printable(line.label)}: best of {len(configurations)} is {_choices(best)} with {value}{place}"


def _table(spec: Spec, ranked: Rankings) -> tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]]:
    names = list(
        dict.fromkeys(name for each in ranked.values() for configuration in each for name in configuration.choices)
    )
    header = ("environment", "line", "rank", *names, spec.y, "low", "high", "seeds", "diverged", "published")
    rows = []
    for (environment, line), configurations in ranked.items():
        for each in configurations:
            point = each.point
            numbers = point.value, point.low, point.high, point.num_seeds, point.num_diverged
            chosen = (each.choices.get(name) for name in names)
            rows.append((environment, line.label, each.rank, *chosen, *numbers, "yes" if each.is_published else ""))
    return header, tuple(rows)
