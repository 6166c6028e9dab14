"""Panels of curves: one line for each variant, the spread over seeds shown and never hidden."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from sparserl.report.figures.canvas import Grid
from sparserl.report.figures.legends import MOST_ENTRIES, Entry
from sparserl.report.figures.words import tick
from sparserl.report.statistics import FEW, FEWEST_FOR_INTERVAL, METHOD, mean_interval

SINGLE = "_single"  # the label of a thin line; legends leave out what starts with an underscore
_BAND = 0.14  # opacity
_MANY = 14  # curves of a figure, from which on they are thin
_NUM_MARKERS = 7  # along a curve


class Curve(NamedTuple):
    """The seeds of one variant in one panel; NaN where a seed has no evaluation or no finite return."""

    places: np.ndarray  # [evaluation]: where it stands on the x axis
    returns: np.ndarray  # [seed, evaluation]
    num_diverged: int
    pooled: "Band | None" = None  # over environments; None: the mean over the seeds of one


class Band(NamedTuple):
    """An estimate with its interval at each place, NaN where there is none."""

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


def draw_curve(axes: Axes, curve: Curve, label: str, look: Mapping[str, Any], place: tuple[int, int]) -> None:
    """The mean where every seed has a value, with 95 % t-intervals from three seeds on.

    With fewer, and where not every seed has a value, seeds are drawn one by one, thin. `place`: which of how many
    curves it is, so that markers do not hide each other.
    """
    if curve.pooled is not None:
        return _draw_pooled(axes, curve.places, curve.pooled, label, look)
    complete = np.isfinite(curve.returns).all(axis=0)
    places, returns = curve.places[complete], curve.returns[:, complete]
    few = len(curve.returns) < FEWEST_FOR_INTERVAL
    alone = np.ones_like(complete) if few else _widened(~complete)
    if alone.any() and len(curve.returns) > 1:
        for stretch in _stretches(alone):
            for seed_returns in curve.returns[:, stretch]:
                finite = np.isfinite(seed_returns)
                shown = curve.places[stretch][finite], seed_returns[finite]
                axes.plot(*shown, color=look["color"], linewidth=0.7, alpha=0.6, label=SINGLE)
    if complete.any() and not few and place[1] <= MOST_ENTRIES:  # more bands would hide the lines
        low, high = mean_interval(returns)
        axes.fill_between(places, low, high, color=look["color"], alpha=_BAND, linewidth=0)
    spacing = max(len(places) // _NUM_MARKERS, 1)
    if place[1] > _MANY:
        look = {**look, "linewidth": 1.1, "markersize": 3.5}
    markers = place[0] * spacing // max(place[1], 1), spacing
    axes.plot(places, returns.mean(axis=0), markevery=markers, label=label, **look)


def _draw_pooled(axes: Axes, places: np.ndarray, band: Band, label: str, look: Mapping[str, Any]) -> None:
    if np.isfinite(band.low).any():
        axes.fill_between(places, band.low, band.high, color=look["color"], alpha=_BAND, linewidth=0)
    axes.plot(places, band.values, label=label, markevery=max(len(places) // _NUM_MARKERS, 1), **look)


def _widened(columns: np.ndarray) -> np.ndarray:
    """The chosen columns and their neighbours, so that lines of single seeds begin where the mean ends."""
    return columns | np.append(columns[1:], False) | np.append(False, columns[:-1])


def _stretches(columns: np.ndarray) -> list[slice]:
    """The chosen columns as stretches without a gap: no line may lead over what another line shows."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], columns, [False]])))
    return [slice(begin, end) for begin, end in ends.reshape(-1, 2)]


def set_ticks(axes: Axes) -> None:
    """Few round numbers beside both axes."""
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(tick))
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    axes.margins(x=0.02, y=0.06)


def seeds_in_words(curves: Sequence[Curve]) -> str:
    """How many seeds a line stands for in its panels, and how many of them diverged."""
    counts = sorted({len(curve.returns) for curve in curves})
    num_diverged = sum(curve.num_diverged for curve in curves)
    diverged = f", {num_diverged} diverged" if num_diverged else ""
    return "n = " + (f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}\u2013{counts[-1]}") + diverged


def entries(panels: Grid, labels: Mapping[str, str]) -> list[Entry]:
    """The legend: `labels` by those of the lines that were drawn, in their order."""
    lines = {str(line.get_label()): line for axes in panels.axes for line in axes.get_lines()}
    return [Entry(lines[drawn], label) for drawn, label in labels.items() if drawn in lines]


def explanation(panels: Grid, counts: set[int]) -> Iterator[str]:
    """How to read the lines, saying only what occurs in the figure; `counts` are numbers of seeds."""
    parts = ["line: mean over n seeds"]
    if any(axes.collections for axes in panels.axes):
        few = any(FEWEST_FOR_INTERVAL <= count < FEW for count in counts)
        parts.append(f"band: 95 % {METHOD}" + (f" (n < {FEW}: of about normal returns)" if few else ""))
    if any(line.get_label() == SINGLE for axes in panels.axes for line in axes.get_lines()):
        parts.append("thin: single seeds")
    yield "; ".join(parts)


def log_axis(axis: Any, base: int = 10) -> None:
    """Make an axis logarithmic, with few round numbers beside it: 1, 2 and 5 times powers of 10, or powers of 2."""
    axis._set_axes_scale("log")
    axis.set_major_locator(LogLocator(base, subs=(1, 2, 5) if base == 10 else (1,)))
    axis.set_major_formatter(FuncFormatter(tick))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
