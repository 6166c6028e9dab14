"""Looks: colour and marker of a line by its method, paleness and line style by what else it stands for."""

from collections.abc import Sequence
from typing import Any

from sparserl.report.figures.named_lines import FULL, Line
from sparserl.report.style import MARKERS, colour, line_style, method_rank, tint

_PALEST = 1.6  # of `tint`'s steps, for the last of several lines of one method
FULL_COLOUR = "#8C8C8C"  # of dense networks of full size, which are no line of the comparison at equal size


def look(line: Line, lines: Sequence[Line]) -> dict[str, Any]:
    """How to draw a line among `lines`, so that it is told from the others without colours, too."""
    if line.role == FULL:
        full = [other for other in lines if other.role == FULL]
        return {"color": FULL_COLOUR, "marker": "h", "linestyle": line_style(1 + full.index(line))}
    alike = [other for other in lines if other.method == line.method and other.role != FULL]
    place = alike.index(line)
    step = min(1.0, _PALEST / max(len(alike) - 1, 1))
    return {
        "color": tint(colour(line.method, {other.method for other in lines}), place * step),
        "marker": MARKERS[method_rank(line.method) % len(MARKERS)],
        "linestyle": line_style(place),
    }
