"""Writing: a page as one file that needs nothing else, with all that it runs and shows inside."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sparserl.persistence import at_home, write_atomically
from sparserl.report.page import curves, details, experiments, text, topologies
from sparserl.report.page.details import ExperimentDetails, Room
from sparserl.report.page.policy import content_security_policy
from sparserl.report.page.sections import Section, sections_of
from sparserl.report.page.template import inlined, template
from sparserl.report.page.values import Page
from sparserl.report.runs import Run

_SCRIPTS = ("first.js", "vendor/datatables.min.js", "vendor/uplot.min.js", "page.js")
_STYLES = ("vendor/uplot.min.css", "page.css")
_LICENCES = ("vendor/datatables.LICENSE", "vendor/uplot.LICENSE")  # which ask to be in every copy


def write_page(page: Page, path: str | Path) -> Path:
    """Write the page as the file `path`, and return it. Raises UserError where that is refused."""
    path = at_home(path)
    write_atomically(path, to_html(page).encode())
    return path


def to_html(page: Page) -> str:
    """The whole page; equal pages, with equal files of their runs, give equal text."""
    unique = {run.id: run for part in page.parts for run in part.selection.runs}
    sections = list(sections_of(page.parts))
    rows = {row.identifier: row for section in sections for row in section.rows}
    detailed = _details(experiments.in_order(list(unique.values()), list(rows.values())))
    anchors = _anchors(detailed)
    scripts, styles = ([inlined(name) for name in names] for names in (_SCRIPTS, _STYLES))
    html = template().render(
        page=page,
        title=page.title,
        sections=sections,
        detailed=detailed,
        anchors=anchors,
        names=rows,
        evaluations=_evaluations,
        num_runs=len(unique),
        num_detailed=sum(len(each.runs) for each in detailed),
        problems=_problems(page),
        sparserl_version=version("sparserl"),
        results_versions=_results_versions(unique.values()),
        policy=content_security_policy(scripts, styles),
        scripts=[Markup(script) for script in scripts],
        styles=[Markup(style) for style in styles],
        data=text.as_json(_data(sections, detailed, anchors)),
        detail_rule=experiments.DETAIL_RULE,
        licences=[inlined(name).strip() for name in _LICENCES],
    )
    return html.encode(errors="replace").decode()  # single surrogates are no characters of any file


def _details(runs: Sequence[Run]) -> list[ExperimentDetails]:
    """The sections of experiments, in the order of the runs."""
    shown, room = experiments.in_detail(runs), Room()
    sections = []
    for identifier, each in experiments.by_experiment([run for run in runs if run.id in shown]).items():
        section, room = details.read(identifier, each, room)
        sections.append(section)
    return sections


def _anchors(detailed: Iterable[ExperimentDetails]) -> dict[Any, str]:
    """Where the sections are: by experiment, and by run."""
    anchors: dict[Any, str] = {}
    for number, experiment in enumerate(detailed, start=1):
        anchors[experiment.identifier] = f"experiment-{number}-{text.slug(experiment.identifier)}"
        for each in experiment.runs:
            anchors[each.run.id] = f"run-{number}-{each.run.id.seed}-{text.slug(experiment.identifier)}"
    return anchors


def _evaluations(run: Run) -> Iterator[tuple[Any, ...]]:
    """The rows of its evaluations, thinned where they are many."""
    columns = (run.environment_steps, run.num_updates, run.mean_return, run.seconds)
    return zip(*(curves.thinned(column).tolist() for column in columns), strict=True)


def _problems(page: Page) -> list[str]:
    told = [*page.problems, *(line for part in page.parts for line in part.selection.problems)]
    return list(dict.fromkeys(told))


def _results_versions(runs: Iterable[Run]) -> str:
    versions = {run.columns.get("results_version") for run in runs}
    return ", ".join(sorted("unknown" if each is None else str(each) for each in versions)) or "unknown"


def _data(
    sections: Sequence[Section], detailed: Sequence[ExperimentDetails], anchors: Mapping[Any, str]
) -> dict[str, Any]:
    """What scripts show, beyond what stands in the page."""
    shown = [each for experiment in detailed for each in experiment.runs]
    return {
        "panels": {
            f"chart{section.key}-{number}": panel._asdict() | {"lines": [line._asdict() for line in panel.lines]}
            for section in sections
            for number, panel in enumerate(section.panels, start=1)
        },
        "runs": {anchors[each.run.id]: curves.of_run(each.run) for each in shown},
        "topologies": {
            anchors[each.run.id]: topologies.for_script(each.topologies) for each in shown if each.topologies
        },
    }
