"""Sections: the parts of a page as the template shows them: tables, charts and figures with the data behind them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from sparserl.report.figures import Drawn, to_svg
from sparserl.report.page import curves, experiments, text
from sparserl.report.page.commands import study_command
from sparserl.report.page.values import Part
from sparserl.report.runs import Run

_MOST_ROWS = 500  # of the table behind a figure; its CSV has all


class PageFigure(NamedTuple):
    """A drawn figure in the page: its picture as an address."""

    drawn: Drawn
    anchor: str
    address: Markup
    rows: Sequence[Sequence[Any]]
    left_out: int


class Section(NamedTuple):
    """A part as the template shows it; `key` ends the identifiers of its elements."""

    part: Part
    key: str
    rows: list[experiments.Row]
    names: Mapping[str, str]  # of its experiments
    runs: list[Run]
    panels: list[curves.Panel]
    figures: list[PageFigure]
    missing: list[str]
    command: str | None
    told: str  # behind the names of its tables, which differ from those of other parts


def sections_of(parts: Sequence[Part]) -> Iterator[Section]:
    """A section for each part; charts have lines while the page has room for them."""
    room = curves.MOST_LINES
    for place, part in enumerate(parts, start=1):
        key = "" if len(parts) == 1 else f"-{place}"
        runs = sorted(part.selection.runs, key=lambda run: run.id)
        selection = part.selection
        rows = experiments.rows(selection)
        runs = experiments.in_order(runs, rows)
        names = {row.identifier: row.name for row in rows}
        panels = curves.panels(experiments.by_experiment(runs), names, room)
        room -= sum(len(panel.lines) for panel in panels)
        missing = [str(run) for run in selection.missing]
        command = study_command(selection.name, selection.scale, selection.preset) if selection.scale else None
        figures = [_figure(drawn, f"figure{key}-{number}") for number, drawn in enumerate(part.figures, start=1)]
        yield Section(
            part,
            key,
            rows,
            names,
            runs,
            panels,
            figures,
            missing,
            command,
            f", part {place}" if key else "",
        )


def _figure(drawn: Drawn, anchor: str) -> PageFigure:
    address = text.data_address("image/svg+xml", to_svg(drawn))
    return PageFigure(drawn, anchor, address, drawn.table[:_MOST_ROWS], max(len(drawn.table) - _MOST_ROWS, 0))
