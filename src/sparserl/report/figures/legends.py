"""Legends: handles and labels in as many columns as fit, however long the labels are."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from sparserl.report.figures.lettering import width, wrapped

MOST_ENTRIES = 60  # of a legend; nobody looks up more
_MANY_ENTRIES = 18  # of a legend, from which on it is printed smaller


class Entry(NamedTuple):
    """A line of the legend."""

    handle: Artist
    label: str


def legend_of(figure: Figure, entries: Sequence[Entry], room: float) -> Any:
    """The legend with as many columns as fit into `room` inches, however long its labels are."""
    font = FontProperties(size=9 if len(entries) < _MANY_ENTRIES else 7.5)
    labels = [wrapped(entry.label, room - 0.7, font) for entry in entries]
    narrowest = min(max(width(line, font) for line in label.split("\n")) for label in labels)
    num_columns = max(1, min(len(entries), int(room / (narrowest + 0.5))))
    while (legend := _placed(figure, entries, labels, num_columns, font)) and num_columns > 1:
        if legend.get_window_extent(renderer(figure)).width / figure.dpi <= room:
            break
        legend.remove()
        num_columns -= 1
    balanced = -(-len(entries) // -(-len(entries) // num_columns))  # as few columns as the same number of rows takes
    if balanced < num_columns:
        legend.remove()
        legend = _placed(figure, entries, labels, balanced, font)
    return legend


def _placed(
    figure: Figure, entries: Sequence[Entry], labels: Sequence[str], num_columns: int, font: FontProperties
) -> Any:
    legend = figure.legend(
        [entry.handle for entry in entries],
        labels,
        loc="upper left",
        bbox_to_anchor=(0, 1),
        ncols=num_columns,
        prop=font,
        borderpad=0,
        borderaxespad=0,
        columnspacing=1.6,
        labelspacing=0.45,
    )
    legend.set_in_layout(False)
    return legend


def renderer(figure: Figure) -> Any:
    """What measures texts before anything is drawn."""
    return figure.canvas.get_renderer()  # type: ignore[attr-defined]
