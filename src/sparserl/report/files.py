"""Files: all that a report leaves in a folder: figures with their data, and the page that shows them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sparserl.report import claims
from sparserl.report.figures import Drawn, draw, standard_figures, stem_of, write
from sparserl.report.observed import diagnostics_of, noise_of
from sparserl.report.page import Page, Part, write_page
from sparserl.report.selection import Selection

PAGE = "index.html"
_OF_ALL = "learning_curves"  # the figure that each of several studies has beside its own
_MANY_RUNS = 5_000
_BY_ENVIRONMENT = (
    "return_by_seconds",
    "return_by_computation",
    "steps_to_threshold",
    "equal_cost",
)  # a panel for each, as curves have
_INTERVALS = (
    "Seeds are the unit of all statistics, never episodes. A run counts by its final return, the mean over the last "
    "tenth of its evaluations unless its choices say otherwise; it has one once it has finished.",
    "An interval is one of 95 %: the estimate, plus and minus t times its standard deviation over stratified bootstrap "
    "samples, which draw whole runs within each task, from a fixed seed. Of the mean of one task it is Student's.",
    "Below 3 seeds there is no interval. Below 5 it leans on returns being about normal, and a percentile interval of "
    "3 seeds would hold the mean less often than 9 times in 10.",
    "Runs that diverged have no final return: each figure says how many there are, and what is made of them.",
)


def write_report(
    folder: str | Path,
    title: str,
    selections: Sequence[Selection],
    problems: Sequence[str] = (),
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Write the figures of all selections and their page into `folder`, and return the page's path.

    The figures of several selections lie in a folder each, but for those without a study, which are first. `say` is
    told what is being drawn. Equal selections give equal bytes. Raises UserError where the folder cannot be written.
    """
    folder, parts = Path(folder), []
    alone, taken = len(selections) == 1, dict[Path, set[str]]()
    for selection in selections:
        place = folder if alone or not selection.scale else folder / label(selection)
        drawn, stems = [], taken.setdefault(place, set())
        for figure in figures_of(selection, alone):
            say(f"drawing {figure['name']} of {label(selection)}")
            drawn.append(draw(figure, selection))
            stem = stem_of(drawn[-1].name, stems)
            stems.add(stem)
            write(drawn[-1]._replace(name=stem), place)
        parts.append(_part(selection, tuple(drawn)))
    say("writing the page")
    return write_page(Page(title, tuple(parts), _INTERVALS, tuple(problems)), folder / PAGE)


def label(selection: Selection) -> str:
    """NAME@SCALE, with a preset that is not the paper's, as a study's folder has it; the name alone without a study."""
    return selection.folder.name if selection.folder is not None else selection.name


def figures_of(selection: Selection, alone: bool = True) -> tuple[Mapping[str, Any], ...]:
    """The figures of a selection, and those that any runs have: of several selections, learning curves only.

    Of very many runs it is those that take seconds to draw, not a minute.
    """
    left_out = _BY_ENVIRONMENT if len(selection.runs) > _MANY_RUNS else ()
    standard = [figure for figure in standard_figures(selection) if figure["name"] not in left_out]
    return (*selection.figures, *(figure for figure in standard if alone or figure["name"] == _OF_ALL))


def _part(selection: Selection, drawn: tuple[Drawn, ...]) -> Part:
    observed = diagnostics_of(selection.runs), noise_of(selection.runs)
    answers = claims.answers(selection, *observed)
    cautions = claims.cautions(selection) if answers else ()
    return Part(label(selection), selection, answers, claims.claims(selection, *observed), drawn, cautions)
