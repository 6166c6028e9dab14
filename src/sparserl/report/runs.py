"""Runs: tidy rows and what is stored beside them, as values that figures are drawn from.

Reading goes on past what is damaged, half-written or there twice, and says so in a line each.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from sparserl import persistence
from sparserl.parts import mean_of_last
from sparserl.persistence import RunId, Status, StoredExperiment, UserError, at_home, studies
from sparserl.report.gathered import gathered_file, gathered_rows
from sparserl.report.provenance import strangers
from sparserl.report.roles import with_roles
from sparserl.report.run_table import experiment_table, run_table
from sparserl.report.statistics import Aggregate, interquartile_mean_over_tasks

Complete = Callable[[Mapping[str, Any]], Mapping[str, Any]]
_IDENTITY = ("experiment_id", "agent", "method", "environment", "sparsity")
_USUAL_FINAL_FRACTION = 0.1  # of every preset; said where it is not known whether a run had another


class Run(NamedTuple):
    """One seed of one experiment.

    columns: what it is: `experiment_id`, `agent`, `method`, `environment`, `sparsity`, `seed`, all of
    `persistence.FACTS` (None where not known), the choices of its experiment with dots, as in "method.drop_fraction"
    (none without experiment.json), `role`, one of `roles.ROLES`, and `matches`: what a matched dense network stands
    for, each a mapping with sparsity, distribution and dense_last_layer. Arrays are `[evaluation]`, `seconds` since the
    start; NaN is what rows do not say. final_return: as a status has it; None unless the run has finished.
    """

    id: RunId
    folder: Path | None  # None: its rows come from a file of many
    columns: Mapping[str, Any]
    status: Status | None
    environment_steps: np.ndarray
    num_updates: np.ndarray
    mean_return: np.ndarray
    seconds: np.ndarray
    final_return: float | None


class Results(NamedTuple):
    """All runs of a place, by experiment and seed; `problems`: a line for each thing that could not be read.

    place: where they were read; None where they were made otherwise.
    """

    place: Path | None
    runs: tuple[Run, ...]
    problems: tuple[str, ...] = ()

    def table(self) -> pa.Table:
        """A row for each run; see `run_table`."""
        return run_table(self.runs)

    def estimates(self, aggregate: Aggregate = interquartile_mean_over_tasks, confidence: float = 0.95) -> pa.Table:
        """A row for each experiment, with its return over seeds and the interval; see `experiment_table`."""
        return experiment_table(self.runs, aggregate, confidence)


def read_results(place: str | Path, complete: Complete = lambda document: {}) -> Results:
    """The runs in or below a results directory, an experiment's folder or a run's, or of one file of many runs' rows.

    Safe while runs are writing. complete: columns of an experiment, given its experiment.json, whose rows an earlier
    version wrote without sizes. Raises UserError where there are no rows.
    """
    place = at_home(place)
    if (path := gathered_file(place)) is not None:
        runs, problems = _gathered(path)
    else:
        runs, problems = _stored(place, complete)
        if not runs:
            raise UserError(f"{place} holds no evaluations that can be read: {problems[0]}")
    left_out = {run.id: line for run, line in strangers(runs)}
    runs = [run for run in runs if run.id not in left_out]
    problems += left_out.values()
    return Results(place, with_roles(runs, _plans(place, problems)), tuple(problems))


def _gathered(path: Path) -> tuple[list[Run], list[str]]:
    problems = [f"{path} has rows alone: choices are not known, nor how runs ended; each is taken as finished"]
    runs = []
    for run, rows in gathered_rows(path):
        steps = rows["environment_steps"].to_numpy()
        if (np.diff(steps) <= 0).any():
            problems.append(f"left out: {path} has several rows of {run} for one step")
        else:
            runs.append(run_of(run, None, rows, None, {}))
    if not runs:
        raise UserError(f"{path} holds no evaluations")
    return runs, problems


def _stored(place: Path, complete: Complete) -> tuple[list[Run], list[str]]:
    stored, problems = persistence.readable_evaluations(place)
    folders = [persistence.experiment_folder(each.folder) for each in stored]
    documents = {folder: _document(folder, problems) for folder in dict.fromkeys(folders)}
    sizes: dict[Path, Mapping[str, Any]] = {}
    runs = []
    for each, folder in zip(stored, folders, strict=True):
        status = _status(each.folder, problems)
        if not each.rows.num_rows:
            problems.append(f"{each.folder} has no evaluation yet")
            continue
        run = run_of(each.run, each.folder, each.rows, status, documents[folder])
        if run.columns["parameters"] is None and documents[folder]:
            if folder not in sizes:
                sizes[folder] = complete(documents[folder])
            run = run._replace(columns={**run.columns, **sizes[folder]})
        runs.append(run)
    return runs, problems


def _plans(place: Path, problems: list[str]) -> list[StoredExperiment]:
    """What the studies of a results directory tell of their experiments, whether `place` is it or lies in it."""
    directory = next((each for each in (place, *place.absolute().parents[:2]) if (each / "studies").is_dir()), place)
    plans: list[StoredExperiment] = []
    for name in studies.stored_names(directory):
        try:
            plans += studies.stored(directory, *studies.parsed_name(name)).experiments
        except UserError as error:
            problems.append(str(error))
    return plans


def _document(folder: Path, problems: list[str]) -> Mapping[str, Any]:
    """The experiment.json of a folder; empty where there is none, as beside rows that were copied alone."""
    if not (folder / "experiment.json").exists():
        return {}
    try:
        return persistence.read_experiment(folder)
    except UserError as error:
        problems.append(f"the choices of {folder.name} are not known: {error}")
        return {}


def _status(folder: Path, problems: list[str]) -> Status | None:
    try:
        return persistence.read_status(folder)
    except UserError as error:
        problems.append(f"how {folder} ended is not known: {error}")
        return None


def run_of(run: RunId, folder: Path | None, rows: pa.Table, status: Status | None, document: Mapping[str, Any]) -> Run:
    """A run with at least one row, its status and the `experiment.json` of its experiment; without a role yet."""
    array = lambda name: rows[name].to_numpy()
    told = {name: rows[name][0].as_py() for name in (*_IDENTITY, *persistence.FACTS)}
    choices = document.get("choices") or {}
    columns = {**_flat(choices), **told, "seed": run.seed}
    returns, steps = array("mean_return"), array("environment_steps")
    final = _final_return(returns, int(steps[-1]), status, choices)
    return Run(run, folder, columns, status, steps, array("num_updates"), returns, array("seconds"), final)


def _final_return(returns: np.ndarray, steps: int, status: Status | None, choices: Mapping[str, Any]) -> float | None:
    """The mean over the last part of the evaluations of a run that has come to its end; None of any other."""
    if not (_reached_end(steps, choices) if status is None else status.status == "finished"):
        return None
    fraction = (choices.get("evaluation") or {}).get("final_fraction", _USUAL_FINAL_FRACTION)
    final = mean_of_last(returns.tolist(), fraction)
    return final if math.isfinite(final) else None


def _reached_end(steps: int, choices: Mapping[str, Any]) -> bool:
    """Whether a run without a status has played all of its steps; rows alone are taken as those of a whole run."""
    return not choices or steps >= choices.get("total_steps", 0) * choices.get("num_environments", 1)


def _flat(choices: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Choices by their names with dots; lists become tuples."""
    columns: dict[str, Any] = {}
    for name, value in choices.items():
        if isinstance(value, Mapping):
            columns |= _flat(value, f"{prefix}{name}.")
        else:
            columns[prefix + name] = tuple(value) if isinstance(value, list) else value
    return columns
