"""Runs: tidy rows and what is stored beside them, as values that figures are drawn from.

Reading goes on past what is damaged, half-written or there twice, and says so in a line each.
"""

import math
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sparserl import persistence
from sparserl.parts import mean_of_last
from sparserl.persistence import RunId, Status, StoredExperiment, StoredRun, UserError, at_home, studies
from sparserl.report.roles import with_roles

_IDENTITY = ("experiment_id", "agent", "method", "environment", "sparsity")
_USUAL_FINAL_FRACTION = 0.1  # of every preset; said where it is not known whether a run had another


class Run(NamedTuple):
    """One seed of one experiment.

    columns: what it is: `experiment_id`, `agent`, `method`, `environment`, `sparsity`, `seed`, all of
    `persistence.FACTS` (None where not known), the choices of its experiment with dots, as in "method.drop_fraction"
    (missing where experiment.json is), `role`, one of `roles.ROLES`, and `matches`: what a matched dense network stands
    for, each a mapping with sparsity, distribution and dense_last_layer. Arrays are `[evaluation]`, `seconds` since the
    start. final_return: as a status has it; None unless the run has finished.
    """

    id: RunId
    folder: Path | None
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


def read_results(place: str | Path) -> Results:
    """The runs in or below a results directory, an experiment's folder or a run's, or of one file of evaluations.

    Safe while runs are writing. Raises UserError where there are none.
    """
    place = at_home(place)
    stored, problems = persistence.readable_evaluations(place)
    documents: dict[Path, Mapping[str, Any]] = {}
    for folder in dict.fromkeys(persistence.experiment_folder(each.folder) for each in stored):
        documents[folder] = _document(folder, problems)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        read = list(pool.map(lambda each: _status(each.folder), stored))
    runs = []
    for each, (status, problem) in zip(stored, read, strict=True):
        if problem:
            problems.append(problem)
        if not each.rows.num_rows:
            problems.append(f"{each.folder} has no evaluation yet")
            continue
        runs.append(run_of(each, status, documents[persistence.experiment_folder(each.folder)]))
    return Results(place, with_roles(runs, _plans(place, problems)), tuple(problems))


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
    try:
        return persistence.read_experiment(folder)
    except UserError as error:
        problems.append(f"the choices of {folder.name} are not known: {error}")
        return {}


def _status(folder: Path) -> tuple[Status | None, str]:
    try:
        return persistence.read_status(folder), ""
    except UserError as error:
        return None, f"how {folder} ended is not known: {error}"


def run_of(stored: StoredRun, status: Status | None, document: Mapping[str, Any]) -> Run:
    """A run with at least one row, its status and the `experiment.json` of its experiment; without a role yet."""
    rows = stored.rows
    array = lambda name, kind: rows[name].to_numpy().astype(kind)
    told = {name: rows[name][0].as_py() for name in (*_IDENTITY, *persistence.FACTS)}
    choices = document.get("choices") or {}
    columns = {**_flat(choices), **told, "seed": stored.run.seed}
    returns, steps = array("mean_return", np.float64), array("environment_steps", np.int64)
    final = _final_return(returns, int(steps[-1]), status, choices)
    updates, seconds = array("num_updates", np.int64), array("seconds", np.float64)
    return Run(stored.run, stored.folder, columns, status, steps, updates, returns, seconds, final)


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
