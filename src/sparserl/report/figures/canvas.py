"""Canvas: panels in a grid under a title and a legend, over notes; everything that is written stays on it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from sparserl.report.figures.legends import MOST_ENTRIES, Entry, legend_of, renderer
from sparserl.report.figures.lettering import wrapped

MARGIN_INCHES = 0.14
_GREY = "#666666"
_TITLE, _NOTES = FontProperties(size=13, weight="bold"), FontProperties(size=7.5)
_PANEL_TITLE = FontProperties(size=10.5, weight="bold")
_MOST_TITLE_LINES, _TITLE_LINE_INCHES = 4, 0.19


class Grid(NamedTuple):
    """A figure with its panels, row by row; places without a panel are left out of `axes`."""

    figure: Figure
    axes: tuple[Axes, ...]
    num_columns: int


def grid(number: int, num_columns: int, inches: tuple[float, float], least_width: float = 5.4, **shared: Any) -> Grid:
    """Panels of these inches side by side; the figure is at least wide enough for titles and notes to be read."""
    num_rows = -(-number // num_columns)
    width = max(num_columns * inches[0], least_width) + 2 * MARGIN_INCHES
    figure = Figure(figsize=(width, num_rows * inches[1]), layout="constrained")
    FigureCanvasAgg(figure)
    every = list(figure.subplots(num_rows, num_columns, squeeze=False, **shared).flat)
    for axes in every[number:]:
        axes.remove()
    return Grid(figure, tuple(every[:number]), num_columns)


def empty() -> Grid:
    """A canvas without a panel, for words alone."""
    figure = Figure(figsize=(5.4 + 2 * MARGIN_INCHES, 0.05), layout="constrained")
    FigureCanvasAgg(figure)
    return Grid(figure, (), 1)


def bottom(panels: Grid) -> list[Axes]:
    """The lowest panel of each column, which shows the label of the x axis."""
    return list(panels.axes[max(len(panels.axes) - panels.num_columns, 0) :])


def name_panel(panels: Grid, axes: Axes, title: str, points_above: float = 8) -> None:
    """The title of a panel, in as many lines as its width takes, so many points above it."""
    room = panels.figure.get_figwidth() / panels.num_columns - 0.65
    lines = wrapped(title, room, _PANEL_TITLE).split("\n")
    if len(lines) > _MOST_TITLE_LINES:
        lines = [*lines[: _MOST_TITLE_LINES - 1], f"{lines[_MOST_TITLE_LINES - 1][:-1]}\u2026"]
    axes.set_title("\n".join(lines), loc="left", fontproperties=_PANEL_TITLE, pad=points_above)


def finish(panels: Grid, title: str, entries: Sequence[Entry], notes: Sequence[str]) -> None:
    """Put the title and the legend above the panels and the notes below, and make the figure as high as that takes."""
    figure = panels.figure
    if len(entries) > MOST_ENTRIES:
        notes = [*notes, f"the legend has the first {MOST_ENTRIES} of {len(entries)} lines, the table all of them"]
        entries = entries[:MOST_ENTRIES]
    room = figure.get_figwidth() - 2 * MARGIN_INCHES
    name = _text(figure, wrapped(title, room, _TITLE), _TITLE, "#222222")
    legend = legend_of(figure, entries, room) if entries else None
    said = _text(figure, "\n".join(wrapped(note[:1].upper() + note[1:], room, _NOTES) for note in notes), _NOTES, _GREY)
    heights = [_height(figure, artist) for artist in (name, legend, said)]
    panels_height = figure.get_figheight() + _room_for_titles(panels)
    above = MARGIN_INCHES + sum(height + gap for height, gap in zip(heights[:2], (0.1, 0.06), strict=True) if height)
    below = MARGIN_INCHES + (heights[2] + 0.08 if heights[2] else 0)
    total = above + panels_height + below
    figure.set_figheight(total)
    left = MARGIN_INCHES / figure.get_figwidth()
    name.set_position((left, 1 - MARGIN_INCHES / total))
    said.set_position((left, (MARGIN_INCHES + heights[2]) / total))
    if legend is not None:
        top = 1 - (MARGIN_INCHES + (heights[0] + 0.1 if heights[0] else 0)) / total
        legend.set_bbox_to_anchor((left, top), transform=figure.transFigure)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(left / 2, below / total, 1 - left, panels_height / total))  # type: ignore[call-arg]


def _room_for_titles(panels: Grid) -> float:
    """The inches that titles of more than one line take beyond those of one."""
    lines = [axes.get_title(loc="left").count("\n") for axes in panels.axes]
    rows = [lines[i : i + panels.num_columns] for i in range(0, len(lines), panels.num_columns)]
    return sum(max(row) for row in rows) * _TITLE_LINE_INCHES


def _text(figure: Figure, words: str, font: FontProperties, colour: str) -> Any:
    text = figure.text(0, 1, words, fontproperties=font, color=colour, va="top", ha="left", linespacing=1.35)
    text.set_in_layout(False)
    return text


def _height(figure: Figure, artist: Any) -> float:
    """Inches; 0 of nothing."""
    if artist is None or (hasattr(artist, "get_text") and not artist.get_text()):
        return 0.0
    return float(artist.get_window_extent(renderer(figure)).height / figure.dpi)
