"""Returns along a cost, steps or seconds: a panel for each environment, a line for each network."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from sparserl.persistence import UserError
from sparserl.report.figures.canvas import bottom, finish, grid, name_panel
from sparserl.report.figures.curve_panels import (
    Curve,
    draw_curve,
    entries,
    explanation,
    log_axis,
    seeds_in_words,
    set_ticks,
)
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.house import house_style
from sparserl.report.figures.words import printable, significant
from sparserl.report.statistics import FEWEST_FOR_INTERVAL, few_seeds_warning, mean_interval
from sparserl.report.tracks import Track, Tracks

Look = Mapping[str, Any]  # color, marker, linestyle
_HEADER = ("environment", "network", "place", "mean_return", "low", "high", "seeds", "diverged")
_INCHES, _MOST_COLUMNS = (4.3, 3.1), 2


def draw_tracks(
    name: str,
    title: str,
    tracks: Tracks,
    along: str,
    looks: Mapping[str, Look],
    notes: Sequence[str] = (),
    y_label: str = "mean return",
    logarithmic: int | None = None,
) -> Drawn:
    """A line with its 95 % t-interval for each network, in the order in which `tracks` has them, and so in the legend.

    along: what the places of tracks are, as it stands on the axis. logarithmic: the base, 10 or 2, of an axis that is.
    Raises UserError where there is nothing to show.
    """
    shown = {environment: each for environment, each in tracks.items() if each}
    if not shown:
        raise UserError("there is no run to show")
    names = list(dict.fromkeys(network for each in shown.values() for network in each))
    with house_style():
        panels = grid(len(shown), min(len(shown), _MOST_COLUMNS), _INCHES)
        for axes, (environment, each) in zip(panels.axes, shown.items(), strict=True):
            for network in (network for network in names if network in each):
                draw_curve(axes, _curve(each[network]), network, looks[network], (names.index(network), len(names)))
                _draw_interval(axes, each[network], looks[network])
            set_ticks(axes)
            if logarithmic is not None:
                log_axis(axes.xaxis, logarithmic)
            axes.set_ylabel(y_label)
            name_panel(panels, axes, printable(environment))
        for axes in bottom(panels):
            axes.set_xlabel(along)
        labels = {network: f"{network} ({_seeds(shown, network)})" for network in names}
        counts = {len(track.returns) for each in shown.values() for track in each.values()}
        said = (*explanation(panels, counts), *filter(None, [few_seeds_warning(min(counts))]), *notes)
        finish(panels, printable(title), entries(panels, labels), said)
    return Drawn(name, title, panels.figure, _text(title, shown), _HEADER, tuple(_rows(shown)), said)


def _draw_interval(axes: Axes, track: Track, look: Look) -> None:
    """That of a single place, where a band has no width."""
    returns = track.by_seed
    if len(track.places) == 1 and len(returns) >= FEWEST_FOR_INTERVAL:
        axes.vlines(track.places, *mean_interval(returns), color=look["color"], linewidth=1.3)


def _curve(track: Track) -> Curve:
    return Curve(track.places, track.by_seed, track.num_diverged)


def _seeds(shown: Tracks, network: str) -> str:
    return seeds_in_words([_curve(each[network]) for each in shown.values() if network in each])


def _rows(shown: Tracks) -> list[tuple[Any, ...]]:
    rows = []
    for environment, each in shown.items():
        for network, track in each.items():
            returns = track.by_seed
            unknown = np.full(len(track.places), np.nan)
            low, high = mean_interval(returns) if len(returns) >= FEWEST_FOR_INTERVAL else (unknown, unknown)
            means = returns.mean(axis=0) if len(returns) else unknown
            for place, *numbers in zip(track.places, means, low, high, strict=True):
                known = (float(number) if np.isfinite(number) else None for number in numbers)
                rows.append((environment, network, float(place), *known, len(returns), track.num_diverged))
    return rows


def _text(title: str, shown: Tracks) -> str:
    """The means at the ends of all lines, for those who cannot see them."""
    ends = [
        f"{environment}: "
        + ", ".join(
            f"{network} {significant(float(track.by_seed[:, -1].mean()))}"
            for network, track in each.items()
            if len(track.by_seed)
        )
        for environment, each in shown.items()
    ]
    return f"{title}. Mean returns at the end: {'; '.join(ends)}."
