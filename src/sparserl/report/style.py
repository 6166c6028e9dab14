"""The look of every figure: one colour and one marker per method, which colour-blind people can tell apart.

Colours: Okabe & Ito 2008, "Color Universal Design", without the yellow that vanishes on white.
"""

import zlib
from collections.abc import Collection
from typing import Any

_METHODS = {  # key: the name a reader knows, the colour; the order is the order of legends
    "dense": ("Dense", "#3B3B3B"),
    "prune": ("Pruning", "#0072B2"),
    "static": ("Static", "#E69F00"),
    "set": ("SET", "#009E73"),
    "rigl": ("RigL", "#D55E00"),
    "rigl-inverted": ("RigL inverted", "#CC79A7"),
    "snip": ("SNIP", "#56B4E9"),
}
_OTHER_COLOURS = ("#7B4FA3", "#8A6D3B", "#117A83", "#A3195B", "#5C7F1A", "#4A5A8A")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
_LINE_STYLES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)), (0, (3, 1, 1, 1, 1, 1)))

PARAMETERS: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine draws the same
    "font.size": 9,
    "text.color": "#222222",
    "text.parse_math": False,  # names of environments and methods are not formulas
    "svg.hashsalt": "sparserl",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
    "figure.dpi": 160,
    "savefig.dpi": 160,
    "figure.facecolor": "white",
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlepad": 8,
    "axes.labelsize": 9,
    "axes.labelcolor": "#444444",
    "axes.labelpad": 5,
    "axes.edgecolor": "#BBBBBB",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.7,
    "xtick.color": "#BBBBBB",
    "ytick.color": "#BBBBBB",
    "xtick.labelcolor": "#555555",
    "ytick.labelcolor": "#555555",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "lines.markeredgecolor": "white",
    "lines.markeredgewidth": 0.7,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.title_fontsize": 8,
    "legend.handlelength": 2.6,
    "legend.labelspacing": 0.7,
}


def method_name(method: str) -> str:
    """How a reader knows a method; methods of other packages keep their own name."""
    return _METHODS[method][0] if method in _METHODS else method.lstrip("_")  # matplotlib hides labels with "_"


def method_rank(method: str) -> int:
    """A method's place in legends and among the markers; methods of other packages come last, each with a marker."""
    if method in _METHODS:
        return list(_METHODS).index(method)
    return len(_METHODS) + zlib.crc32(method.encode(errors="replace")) % (len(MARKERS) - len(_METHODS))


def colour(method: str, methods: Collection[str]) -> str:
    """A method's colour in a figure that shows `methods`; known methods always have the same.

    The colour of others comes from their name, so that it rarely changes, and moves on where another has it.
    """
    if method in _METHODS:
        return _METHODS[method][1]
    taken: dict[int, str] = {}
    for other in sorted(set(methods) - _METHODS.keys() | {method}):
        place = zlib.crc32(other.encode(errors="replace")) % len(_OTHER_COLOURS)
        while place in taken and len(taken) < len(_OTHER_COLOURS):
            place = (place + 1) % len(_OTHER_COLOURS)
        if other == method:
            return _OTHER_COLOURS[place]
        taken[place] = other
    raise AssertionError("unreachable: the method is among the others")


def tint(hexadecimal: str, variant: float) -> tuple[float, ...]:
    """A method's colour for its first variant, paler for the following ones."""
    paleness = min(0.35 * variant, 0.6)
    red_green_blue = (int(hexadecimal[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return tuple(paleness + (1 - paleness) * part for part in red_green_blue)


def line_style(variant: int) -> Any:
    """Solid for the first variant of a method, then dashed, dotted and so on, in a cycle."""
    return _LINE_STYLES[variant % len(_LINE_STYLES)]
