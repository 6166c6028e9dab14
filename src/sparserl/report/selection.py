"""Selections: the runs that answer a question, with the figures that a study stored, and what is missing of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sparserl.persistence import RunId, StoredExperiment, StoredStudy
from sparserl.report.roles import with_roles
from sparserl.report.runs import Results, Run

EVERYTHING = "results"  # the name of a selection without a study

_USUAL: Mapping[str, str] = {  # as study.json has them, if it has
    "name": "",
    "title": "",
    "kind": "lines",
    "x": "live_parameters",
    "y": "final_return",
    "rows": "",
    "columns": "environment",
    "lines": "method",
}
_SIZES = {**_USUAL, "name": "final_returns", "title": "Final returns by number of parameters"}


class Selection(NamedTuple):
    """A study, or all that a place holds as if it were one.

    figures: mappings with name, title, kind, x, y, rows, columns, lines and experiments, as study.json has them.
    experiments: the stored ones; none without a study. missing: runs of the study without an evaluation.
    """

    name: str
    scale: str
    question: str
    figures: tuple[Mapping[str, Any], ...]
    experiments: tuple[StoredExperiment, ...]
    num_seeds: int
    runs: tuple[Run, ...]
    missing: tuple[RunId, ...]
    problems: tuple[str, ...]
    preset: str | None = None
    folder: Path | None = None  # of the study

    @property
    def columns(self) -> Mapping[str, Mapping[str, Any]]:
        """What experiments are, by identifier: those of the study, trained or not, or those of the runs without one."""
        stored: dict[str, Mapping[str, Any]] = {
            each.identifier: {**each.facts, **each._asdict(), "matches": each.matches} for each in self.experiments
        }
        return stored or {run.id.experiment: run.columns for run in self.runs}


def select(results: Results, study: StoredStudy) -> Selection:
    """The runs of a study, with the roles that it gives its dense networks."""
    wanted = study.runs
    there = {run.id: run for run in results.runs}
    presets = {each.identifier: each.facts.get("preset") for each in study.experiments}
    runs = [_of_preset(there[each], presets[each.experiment]) for each in sorted(wanted) if each in there]
    return Selection(
        study.name,
        study.scale,
        study.question,
        tuple(map(_figure, study.figures)),
        study.experiments,
        study.num_seeds,
        with_roles(runs, study.experiments),
        tuple(each for each in wanted if each not in there),
        results.problems,
        study.preset,
        study.folder,
    )


def _of_preset(run: Run, preset: str | None) -> Run:
    """The run as the study made it: equal choices are one experiment, whichever preset they were first made from."""
    return run if preset is None else run._replace(columns={**run.columns, "preset": preset})


def everything(results: Results) -> Selection:
    """All runs of a place as if they were a study; where there are networks of several sizes, with returns by size."""
    experiments = {run.id.experiment: run.columns for run in results.runs}
    sizes = {columns.get("live_parameters") for columns in experiments.values()} - {None}
    seeds = {run.id.seed for run in results.runs}
    return Selection(
        EVERYTHING,
        "",
        "",
        (_figure(_SIZES),) if len(sizes) > 1 else (),
        (),
        len(seeds),
        results.runs,
        (),
        results.problems,
    )


def _figure(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """A figure with all that it takes to draw it; study.json may come from another version or a stranger."""
    words = {name: str(stored.get(name, usual)) for name, usual in _USUAL.items()}
    return {**words, "experiments": tuple(map(str, stored.get("experiments") or ()))}
