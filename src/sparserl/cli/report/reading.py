"""Reading: the selections of runs that a report is made of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sparserl.cli.report.places import Asked
from sparserl.errors import UserError
from sparserl.persistence import StoredStudy
from sparserl.persistence.studies import parsed_name, stored, stored_names
from sparserl.processes.log import tell
from sparserl.report.runs import Results, read_results
from sparserl.report.selection import Selection, everything, select
from sparserl.seen import seen

_MOST_LINES = 8  # about what is left out; the page has all


def read(asked: Asked) -> tuple[Results, tuple[Selection, ...]]:
    """What a place holds, by studies: those asked for, or all that have a run there, and the runs of none.

    What cannot be read is said on standard error. Raises UserError where there is no run, and no study was asked for.
    """
    results = _results(asked)
    for line in results.problems[:_MOST_LINES]:
        tell(seen(line, kept=""))
    if more := results.problems[_MOST_LINES:]:
        tell(f"and {len(more)} more lines about {asked.place}; the page has them")
    if asked.studies:
        return results, tuple(select(results, study) for study in asked.studies)
    return results, _by_study(results, _readable_studies(asked.place))


def _results(asked: Asked) -> Results:
    """The runs of a place; none where its studies have none, or one is asked for that has none yet: costs are known."""
    try:
        return read_results(asked.place, _facts_of_earlier)
    except UserError as error:
        if any(study.num_seeds == 0 for study in asked.studies or _readable_studies(asked.place)):
            return Results(asked.place, ())
        if not asked.studies:
            raise
        return Results(asked.place, (), (str(error),))


def _readable_studies(place: Path) -> list[StoredStudy]:
    """The studies of a results directory; one that cannot be read is among the problems already."""
    studies = []
    for name in stored_names(place):
        try:
            studies.append(stored(place, *parsed_name(name)))
        except UserError:
            continue
    return studies


def _by_study(results: Results, studies: list[StoredStudy]) -> tuple[Selection, ...]:
    selections = [each for each in (select(results, study) for study in studies) if each.runs or not each.num_seeds]
    shown = {run.id for each in selections for run in each.runs}
    others = tuple(run for run in results.runs if run.id not in shown)
    return (*([everything(results._replace(runs=others))] if others else []), *selections)


def _facts_of_earlier(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The sizes that an earlier version left out of its rows; none where this version cannot make the experiment."""
    from sparserl.experiment import Experiment, known_facts  # JAX takes its time to import

    try:
        return known_facts(Experiment.of_results(document["choices"]), document)
    except (UserError, KeyError, TypeError):
        return {}
