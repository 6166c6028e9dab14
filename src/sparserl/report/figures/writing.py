"""Files of a figure: NAME.svg, .pdf and .png, and its data as NAME.csv and .tex; equal figures give equal bytes."""

import html
import io
import itertools
import re
from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import PlaceHolderLayoutEngine

from sparserl.persistence import at_home, write_atomically
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.house import house_style
from sparserl.report.figures.latex import to_latex
from sparserl.report.figures.tables import to_csv

_LONGEST_NAME = 100
_PRINTERS: Mapping[str, Callable[[Figure, io.BytesIO, dict[str, Any]], None]] = {  # `savefig` lays out once for each
    "svg": lambda figure, file, metadata: FigureCanvasSVG(figure).print_svg(file, metadata=metadata),
    "pdf": lambda figure, file, metadata: FigureCanvasPdf(figure).print_pdf(file, metadata=metadata),
    "png": lambda figure, file, metadata: FigureCanvasAgg(figure).print_png(file, metadata=metadata),
}
_SVGS: WeakKeyDictionary[Figure, bytes] = WeakKeyDictionary()


def stem_of(name: str, taken: Container[str] = ()) -> str:
    """What the files of a figure are called, and not as those that are there already."""
    stem = re.sub(r"[^A-Za-z0-9_.+-]+", "-", name).strip("-.")[:_LONGEST_NAME] or "figure"
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)


def write(drawn: Drawn, folder: str | Path) -> tuple[Path, ...]:
    """Write a figure's five files into `folder`, and return their paths. Raises UserError where that is refused."""
    stem = stem_of(drawn.name)
    contents = {
        "svg": to_svg(drawn),
        "pdf": _saved(drawn, "pdf", {"CreationDate": None, "Title": drawn.title, "Subject": drawn.alternative_text}),
        "png": to_png(drawn),
        "csv": _encoded(to_csv(drawn.header, drawn.table)),
        "tex": _encoded(to_latex(drawn.header, drawn.table)),
    }
    paths = {suffix: at_home(folder) / f"{stem}.{suffix}" for suffix in contents}
    for suffix, path in paths.items():
        write_atomically(path, contents[suffix])
    return tuple(paths.values())


def write_png(drawn: Drawn, folder: str | Path) -> Path:
    """Write a figure into `folder` as PNG alone, and return its path. Raises UserError where that is refused."""
    path = at_home(folder) / f"{stem_of(drawn.name)}.png"
    write_atomically(path, to_png(drawn))
    return path


def to_png(drawn: Drawn) -> bytes:
    """The figure as PNG, with its alternative text."""
    return _saved(drawn, "png", {"Software": None, "Description": drawn.alternative_text})


def to_svg(drawn: Drawn) -> bytes:
    """The figure as SVG whose glyphs are paths, named for screen readers by its title and alternative text."""
    if drawn.figure not in _SVGS:  # files and page show the same
        _SVGS[drawn.figure] = _named_svg(drawn)
    return _SVGS[drawn.figure]


def _named_svg(drawn: Drawn) -> bytes:
    svg = _saved(drawn, "svg", {"Date": None})
    title, text = (html.escape(_printable(words)).encode() for words in (drawn.title, drawn.alternative_text))
    opening = re.search(rb"<svg [^>]*>", svg)
    assert opening is not None
    named = opening[0][:-1] + b' role="img" aria-labelledby="title description">'
    told = b'\n <title id="title">' + title + b'</title>\n <desc id="description">' + text + b"</desc>"
    return svg[: opening.start()] + named + told + svg[opening.end() :]


def _saved(drawn: Drawn, kind: str, metadata: dict[str, Any]) -> bytes:
    metadata = {name: value if value is None else _printable(value) for name, value in metadata.items()}
    buffer = io.BytesIO()
    with house_style():
        drawn.figure.set_dpi(matplotlib.rcParams["savefig.dpi"])  # formats of vectors leave it at their own
        if not isinstance(drawn.figure.get_layout_engine(), PlaceHolderLayoutEngine):
            drawn.figure.draw_without_rendering()
            drawn.figure.set_layout_engine("none")  # all stays where it is now, in every format
        _PRINTERS[kind](drawn.figure, buffer, metadata)
    return buffer.getvalue()


def _printable(text: str) -> str:
    """Text that XML and metadata may hold: what cannot be printed is a space."""
    return "".join(each if each.isprintable() else " " for each in text)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
