"""Writing: the files of a report, by commands that are about something else, too."""

import sys
from collections.abc import Sequence
from pathlib import Path

from sparserl.cli.report.places import REPORT, Asked
from sparserl.cli.report.reading import read
from sparserl.errors import UserError
from sparserl.persistence import EVALUATIONS, EVERY_RUN, StoredStudy
from sparserl.processes.log import tell
from sparserl.report.runs import Results
from sparserl.report.selection import Selection
from sparserl.seen import seen

_ROWS = EVALUATIONS.file_name


def drawn(asked: Asked, output: Path, results: Results, selections: Sequence[Selection]) -> Path:
    """Write figures and page into `output`, with progress in a terminal. Returns the page's path."""
    from sparserl.report.files import write_report  # matplotlib takes its time to import

    shown = sys.stderr.isatty()
    clear, line_of = "\r\x1b[K", lambda text: seen(text, kept="")
    say = lambda text: print(f"{clear}{line_of(text)}", end="", file=sys.stderr, flush=True) if shown else None
    try:
        return write_report(output, asked.title, selections, results.problems, say)
    finally:
        if shown:
            print(clear, end="", file=sys.stderr, flush=True)


def written_after(place: Path, study: StoredStudy | None = None) -> Path | None:
    """The page of what a command has left in `place`, or of a study there; None, and one line why, where it cannot be.

    A report never changes how the command ends: it may be stopped, and whatever goes wrong with it costs nothing else.
    """
    folder = study.folder if study else place
    asked = Asked(place, (study,) if study else (), folder / REPORT, folder.absolute().name)
    again = f"`sparserl report {folder}` writes it"
    try:
        needs_runs = study is None or study.num_seeds > 0
        if needs_runs and not any(place.glob(f"*/{EVERY_RUN}/{_ROWS}" if study else f"{EVERY_RUN}/{_ROWS}")):
            return None
        results, selections = read(asked)
        if needs_runs and not any(each.runs for each in selections):
            return None
        return drawn(asked, asked.output, results, selections)
    except KeyboardInterrupt:
        tell(f"the report was stopped; {again}")
    except UserError as error:
        tell(f"no report is written: {error}")
    except Exception as error:  # a fault of ours must not cost anybody the end of a study
        tell(f"no report is written: {type(error).__name__}: {' '.join(str(error).split())}; {again}")
    return None
