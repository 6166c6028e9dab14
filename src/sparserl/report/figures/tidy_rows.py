"""Figures: learning curves, and what noise on observations does to trained policies."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from sparserl.persistence import at_home, write_atomically
from sparserl.report.figures.canvas import bottom, finish, grid, name_panel
from sparserl.report.figures.curve_panels import Curve, draw_curve, entries, explanation, seeds_in_words, set_ticks
from sparserl.report.figures.house import house_style
from sparserl.report.figures.rows import TidyRows, Variant, panels_of, variant_name
from sparserl.report.figures.words import printable
from sparserl.report.style import MARKERS, colour, line_style, tint

_INCHES, _ONLY_INCHES = (3.7, 2.7), (6.4, 3.2)


def learning_curves(rows: TidyRows, path: str | Path, title: str | None = None) -> Path:
    """Draw the learning curves of `rows` into the PNG file `path`, and return it.

    Equal rows give equal bytes with equal versions of matplotlib. `rows` are tidy, as the results store has them.
    Raises UserError where there are no rows, a column is missing, or the folder cannot be written.
    """
    return _write_png(draw_learning_curves(rows, title), path)


def draw_learning_curves(rows: TidyRows, title: str | None = None) -> Figure:
    """The mean return over seeds against environment steps, in thousands, one panel for each environment."""
    return _draw_panels(panels_of(rows, "environment_steps", 1000), "environment steps (thousands)", title)


def noise_curves(documents: Sequence[Mapping[str, Any]], path: str | Path, title: str | None = None) -> Path:
    """Draw what noise does to the runs of `documents` into the PNG file `path`, and return it.

    `documents` are those of `sparserl evaluate RUN --observation-noise 0,5,10 --json`, one for each run. Raises
    UserError where there are none, a key is missing, or the folder cannot be written.
    """
    return _write_png(draw_noise_curves(documents, title), path)


def draw_noise_curves(documents: Sequence[Mapping[str, Any]], title: str | None = None) -> Figure:
    """The mean return over runs against the deviation of the noise on observations: Graesser et al. 2022, figure 6."""
    rows = [
        {**{name: value for name, value in document.items() if name != "rows"}, **row}
        for document in documents
        for row in document.get("rows", ())
    ]
    return _draw_panels(panels_of(rows, "observation_noise"), "standard deviation of the noise on observations", title)


def _draw_panels(panels: Mapping[str, Mapping[Variant, Curve]], x_label: str, title: str | None = None) -> Figure:
    """The mean return over seeds against the x values of the curves, by environment and variant."""
    variants = sorted({variant for curves in panels.values() for variant in curves})
    number = len(panels)
    with house_style():
        num_columns = 2 if number == 4 else min(number, 3)
        drawn = grid(number, num_columns, _ONLY_INCHES if number == 1 else _INCHES)
        for axes, (environment, curves) in zip(drawn.axes, panels.items(), strict=True):
            for variant, curve in curves.items():
                place = variants.index(variant), len(variants)
                draw_curve(axes, curve, variant_name(variant, variants), _look(variant, variants), place)
            set_ticks(axes)
            name_panel(drawn, axes, printable(environment))
        for axes in bottom(drawn):
            axes.set_xlabel(x_label)
        for axes in drawn.axes[::num_columns]:
            axes.set_ylabel("mean return")
        counts = {len(curve.returns) for curves in panels.values() for curve in curves.values()}
        finish(
            drawn, printable(title or ""), entries(drawn, _labels(variants, panels)), list(explanation(drawn, counts))
        )
    return drawn.figure


def _labels(variants: Sequence[Variant], panels: Mapping[str, Mapping[Variant, Curve]]) -> dict[str, str]:
    """What the legend says of each variant, by its name."""
    curves = {variant: [panel[variant] for panel in panels.values() if variant in panel] for variant in variants}
    names = {variant: variant_name(variant, variants) for variant in variants}
    return {names[each]: f"{printable(names[each])}  \u00b7  {seeds_in_words(curves[each])}" for each in variants}


def _look(variant: Variant, variants: Sequence[Variant]) -> dict[str, Any]:
    """Colour and marker by method, line style by what else differs, so that lines differ without colours, too."""
    place = [other for other in variants if other.method == variant.method].index(variant)
    return {
        "color": tint(colour(variant.method, {other.method for other in variants}), place),
        "marker": MARKERS[variant.rank % len(MARKERS)],
        "linestyle": line_style(place),
    }


def _write_png(figure: Figure, path: str | Path) -> Path:
    """The figure as the PNG file `path`; equal figures give equal bytes with equal versions of matplotlib."""
    with house_style():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    path = at_home(path)
    write_atomically(path, buffer.getvalue())
    return path
