"""Figures: learning curves, and what noise on observations does to trained policies."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from sparserl.report.curves import TidyRows, panels_of
from sparserl.report.panels import draw_panels, write_png


def learning_curves(rows: TidyRows, path: str | Path, title: str | None = None) -> Path:
    """Draw the learning curves of `rows` into the PNG file `path`, and return it.

    Equal rows give equal bytes with equal versions of matplotlib. `rows` are tidy, as the results store has them.
    Raises UserError where there are no rows, a column is missing, or the folder cannot be written.
    """
    return write_png(draw_learning_curves(rows, title), path)


def draw_learning_curves(rows: TidyRows, title: str | None = None) -> Figure:
    """The mean return over seeds against environment steps, in thousands, drawn by `draw_panels`."""
    return draw_panels(panels_of(rows, "environment_steps", 1000), "environment steps (thousands)", title)


def noise_curves(documents: Sequence[Mapping[str, Any]], path: str | Path, title: str | None = None) -> Path:
    """Draw what noise does to the runs of `documents` into the PNG file `path`, and return it.

    `documents` are those of `sparserl evaluate RUN --observation-noise 0,5,10 --json`, one for each run. Raises
    UserError where there are none, a key is missing, or the folder cannot be written.
    """
    return write_png(draw_noise_curves(documents, title), path)


def draw_noise_curves(documents: Sequence[Mapping[str, Any]], title: str | None = None) -> Figure:
    """The mean return over runs against the deviation of the noise on observations: Graesser et al. 2022, figure 6."""
    rows = [
        {**{name: value for name, value in document.items() if name != "rows"}, **row}
        for document in documents
        for row in document.get("rows", ())
    ]
    return draw_panels(panels_of(rows, "observation_noise"), "standard deviation of the noise on observations", title)
