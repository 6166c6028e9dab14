"""Panels: one per environment, one line per method, the spread over seeds shown and never hidden."""

import io
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from sparserl.persistence import at_home, write_atomically
from sparserl.report.curves import Curve, Variant, variant_name
from sparserl.report.statistics import FEW, FEWEST_FOR_INTERVAL, METHOD, mean_interval
from sparserl.report.style import MARKERS, PARAMETERS, colour, line_style, tint

_PANEL_INCHES = (3.7, 3.0)
_ONLY_PANEL_INCHES = (5.2, 3.5)
_SINGLE = "_single"  # the label of a thin line; legends leave out what starts with an underscore


def write_png(figure: Figure, path: str | Path) -> Path:
    """The figure as the PNG file `path`; equal figures give equal bytes with equal versions of matplotlib."""
    with house_style():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    path = at_home(path)
    write_atomically(path, buffer.getvalue())
    return path


def draw_panels(panels: Mapping[str, Mapping[Variant, Curve]], x_label: str, title: str | None = None) -> Figure:
    """The mean return over seeds against the x values of the curves, by environment and variant.

    Bands are 95 % t-intervals of the mean over seeds, from three seeds on; with fewer, and where not every seed
    has a finite return at a place, seeds are drawn one by one, thin, and the mean only where all have one.
    """
    variants = sorted({variant for curves in panels.values() for variant in curves})
    with house_style():
        figure, every_axes = _empty_panels(len(panels))
        for axes, (environment, curves) in zip(every_axes, panels.items(), strict=True):
            for variant in curves:
                _draw_curve(axes, curves[variant], variant, variants)
            _finish_panel(axes, environment, x_label)
        _add_legend(figure, panels, variants)
        if title:
            figure.suptitle(title, x=0.015, ha="left", fontsize=13, fontweight="bold")
            figure.set_figheight(figure.get_figheight() + 0.35)
    return figure


def _empty_panels(number: int) -> tuple[Figure, list[Axes]]:
    """Panels side by side, in rows of three, four as two by two; without room for a legend yet."""
    num_columns = 2 if number == 4 else min(number, 3)
    num_rows = -(-number // num_columns)
    width, height = _ONLY_PANEL_INCHES if number == 1 else _PANEL_INCHES
    figure = Figure(figsize=(num_columns * width, num_rows * height), layout="constrained")
    FigureCanvasAgg(figure)
    every_axes = list(figure.subplots(num_rows, num_columns, squeeze=False).flat)
    for axes in every_axes[::num_columns]:
        axes.set_ylabel("mean return")
    for axes in every_axes[number:]:
        axes.remove()
    return figure, every_axes[:number]


def _draw_curve(axes: Axes, curve: Curve, variant: Variant, variants: Sequence[Variant]) -> None:
    look = _look(variant, variants)
    complete = np.isfinite(curve.returns).all(axis=0)
    places, returns = curve.places[complete], curve.returns[:, complete]
    few = len(curve.returns) < FEWEST_FOR_INTERVAL
    alone = np.ones_like(complete) if few else _widened(~complete)
    if alone.any() and len(curve.returns) > 1:
        for seed_returns in curve.returns:
            shown = np.where(alone, seed_returns, np.nan)
            finite = np.isfinite(shown)
            axes.plot(curve.places[finite], shown[finite], color=look["color"], linewidth=0.7, alpha=0.6, label=_SINGLE)
    if complete.any() and not few:
        low, high = mean_interval(returns)
        axes.fill_between(places, low, high, color=look["color"], alpha=0.14, linewidth=0)
    spacing = max(len(places) // 7, 1)
    offset = variants.index(variant) * spacing // max(len(variants), 1)
    axes.plot(places, returns.mean(axis=0), markevery=(offset, spacing), label=variant_name(variant, variants), **look)


def _widened(columns: np.ndarray) -> np.ndarray:
    """The chosen columns and their neighbours, so that lines of single seeds begin where the mean ends."""
    return columns | np.append(columns[1:], False) | np.append(False, columns[:-1])


def _look(variant: Variant, variants: Sequence[Variant]) -> dict[str, Any]:
    """Colour and marker by method, line style by what else differs, so that lines differ without colours, too."""
    place = [other for other in variants if other.method == variant.method].index(variant)
    return {
        "color": tint(colour(variant.method, {other.method for other in variants}), place),
        "marker": MARKERS[variant.rank % len(MARKERS)],
        "linestyle": line_style(place),
    }


def _finish_panel(axes: Axes, environment: str, x_label: str) -> None:
    axes.set_title(environment, loc="left")
    axes.set_xlabel(x_label)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.4g}"))
    axes.margins(x=0.02, y=0.06)


def _add_legend(figure: Figure, panels: Mapping[str, Mapping[Variant, Curve]], variants: Sequence[Variant]) -> None:
    lines = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    handles = [lines[variant_name(each, variants)] for each in variants]
    labels = [f"{variant_name(each, variants)}  \u00b7  {_seeds(each, panels)}" for each in variants]
    counts = {len(curve.returns) for curves in panels.values() for curve in curves.values()}
    explanation = "\n".join(_explanation(figure, counts))
    legend = figure.legend(handles, labels, loc="outside right center", title=explanation, alignment="left")
    legend.get_title().set_color("#666666")
    figure.set_figwidth(figure.get_figwidth() + 0.85 + 0.077 * max(map(len, labels)))


def _explanation(figure: Figure, counts: Set[int]) -> Iterator[str]:
    """How to read the lines, saying only what occurs in the figure."""
    yield "line: mean over n seeds"
    if any(axes.collections for axes in figure.axes):
        yield f"band: 95 % {METHOD}"
        if any(FEWEST_FOR_INTERVAL <= count < FEW for count in counts):
            yield f"  (n < {FEW}: of about normal returns)"
    if any(line.get_label() == _SINGLE for axes in figure.axes for line in axes.get_lines()):
        yield "thin: single seeds"


def _seeds(variant: Variant, panels: Mapping[str, Mapping[Variant, Curve]]) -> str:
    curves = [panel[variant] for panel in panels.values() if variant in panel]
    counts = sorted({len(curve.returns) for curve in curves})
    num_diverged = sum(curve.num_diverged for curve in curves)
    diverged = f", {num_diverged} diverged" if num_diverged else ""
    return "n = " + (f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}\u2013{counts[-1]}") + diverged


@contextmanager
def house_style() -> Iterator[None]:
    """The same look whatever the user's matplotlibrc says; earlier settings are restored afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(PARAMETERS)
        yield
