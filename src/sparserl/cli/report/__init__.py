"""`sparserl report`: figures, tables and one page of what a place holds, and its final returns in the terminal."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from sparserl.cli.arguments import parse
from sparserl.cli.output import put
from sparserl.cli.report.opening import show_in_browser
from sparserl.cli.report.places import asked_of
from sparserl.processes.places import ensure_temporary
from sparserl.types import UserError

_DESCRIPTION = """Show what runs have found: figures (SVG, PDF, PNG), their data (CSV, LaTeX), and one page, offline.

PLACE is a results directory, a study by its name or its folder, an experiment, a run, or a file of evaluations; none:
results.

example:
  sparserl report results --study figure_8 --open"""


@dataclasses.dataclass(frozen=True)
class ReportOptions:
    """The options of `report`."""

    place: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(metavar="PLACE", help="A results directory, a study, an experiment or a run."),
    ] = ""
    study: Annotated[
        tuple[str, ...],
        tyro.conf.UseAppendAction,
        tyro.conf.arg(metavar="NAME", help="A study of that directory, NAME or NAME@SCALE; once for each of several."),
    ] = ()
    output: Annotated[Path | None, tyro.conf.arg(help="Where the files go; none: into a folder report in PLACE.")] = (
        None
    )
    open: Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help="Show the page in a web browser.")] = False


def main(words: Sequence[str]) -> int:
    """Report what `words` name."""
    options = parse(ReportOptions(), words, "sparserl report", _DESCRIPTION)
    asked = asked_of(options.place, options.study)
    output = options.output or asked.output
    ensure_temporary(output)
    from sparserl.cli.report.reading import read  # NumPy and Arrow take their time to import
    from sparserl.cli.report.text import show
    from sparserl.cli.report.writing import drawn

    results, selections = read(asked)
    show(selections)
    try:
        page = drawn(asked, output, results, selections)
    except UserError as error:
        if options.output is not None:
            raise
        put(f"not drawn: {error}; --output DIR draws elsewhere")
        return 0
    put(f"report: {page}")
    if options.open:
        show_in_browser(page)
    return 0
