"""The evaluations of a run: one row per evaluation, with what its experiment is, so that figures are queries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from sparserl.errors import UserError
from sparserl.persistence.contents import StoredRun, read_runs, readable_runs, run_in
from sparserl.persistence.results import experiment_folder, holds_experiment, read_experiment
from sparserl.persistence.runs import RunId
from sparserl.persistence.tables import WHOSE, Table

FILE_NAME = "evaluations.parquet"
_FACTS = (
    ("results_version", pa.int64()),  # of the sparserl that trained it
    ("preset", pa.string()),  # null: several, none, or not known
    ("network_kind", pa.string()),
    ("distribution", pa.string()),
    ("storage", pa.string()),
    ("parameters", pa.int64()),  # of all networks together, these and the next three
    ("live_parameters", pa.int64()),  # at the end of training
    ("macs", pa.int64()),
    ("live_macs", pa.int64()),
    ("budget", pa.float64()),  # null: none was asked for
    ("actor_share", pa.float64()),  # of the budget, or of all live parameters; null: the agent has no actor
    ("randomness", pa.string()),  # of the environment; unseeded: equal seeds began unequal episodes; null: not known
)
FACTS = tuple(name for name, _ in _FACTS)
"""The columns that say what an experiment is: the same in all of its rows, and null where that is not known."""

EVALUATION_SCHEMA = pa.schema(
    [
        *WHOSE,
        ("environment_steps", pa.int64()),
        ("num_updates", pa.int64()),
        ("mean_return", pa.float64()),
        ("standard_deviation", pa.float64()),
        ("minimum_return", pa.float64()),
        ("maximum_return", pa.float64()),
        ("num_episodes", pa.int64()),
        ("mean_length_steps", pa.float64()),
        ("live_density", pa.float64()),
        ("seconds", pa.float64()),
        *_FACTS,
        ("num_breaks", pa.int64()),  # how often the run had gone on with fresh episodes: above 0, bits are not promised
    ]
)
"""The columns of every evaluations file: spread over the episodes of one evaluation, `seconds` since the start."""

EVALUATIONS = Table(
    FILE_NAME,
    EVALUATION_SCHEMA,
    "an evaluation",
    "evaluations",
    later=frozenset({*FACTS, "num_breaks"}),
    of_every_run=True,
)


def read_evaluations(folder: str | Path) -> pa.Table:
    """All evaluations under `folder`: a results directory, an experiment's folder or a run's folder.

    Rows come by experiment, then seed, then as written; in files of an earlier version, facts are those that
    `experiment.json` tells. A run of which there are copies counts once; what is left out is said on standard error.
    Safe while runs are writing: each file is read at one moment. Raises UserError where there are none, naming the file
    that is damaged, or naming two folders that hold one run and differ.
    """
    return pa.concat_tables([stored.rows for stored in evaluated_runs(folder)])


def evaluated_runs(folder: str | Path) -> list[StoredRun]:
    """Those of `read_evaluations` by run, each with its folder."""
    return read_runs(EVALUATIONS, folder, _completed)


def readable_evaluations(folder: str | Path) -> tuple[list[StoredRun], list[str]]:
    """Those of `evaluated_runs` that can be read, and a line for each that cannot; see `readable_runs`."""
    return readable_runs(EVALUATIONS, folder, _completed)


def check_run(run_folder: str | Path, told: RunId | None = None) -> None:
    """Raises UserError where a folder that is called as a run holds another one, because it was copied or renamed.

    told: the run that its status tells; None: its rows tell it.
    """
    folder = Path(run_folder).absolute()
    held = told or run_in(folder, EVALUATIONS)
    if held is None or held == (own := RunId.of(folder)):
        return
    if held.seed != own.seed or not holds_experiment(experiment_folder(folder), held.experiment):
        raise UserError(f"{run_folder} holds {held}: it was copied, renamed or moved there; move it away")


def facts_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What `experiment.json` says of its experiment, by column; None is what an earlier version's does not say."""
    choices, budget = document.get("choices") or {}, document.get("budget") or {}
    earlier = {
        "preset": document.get("preset"),
        "network_kind": (choices.get("network") or {}).get("name"),
        "distribution": choices.get("distribution"),
        "storage": choices.get("storage"),
        "budget": budget.get("budget_fraction"),
        "actor_share": budget.get("actor_share"),
    }
    known = {"results_version": choices.get("results_version"), **(document.get("facts") or earlier)}
    return {name: known.get(name) for name in FACTS}


def _completed(path: Path, table: pa.Table) -> pa.Table:
    """The table of one file with the facts of its experiment, where an earlier version left some out."""
    if not table.num_rows or not table["results_version"].null_count:
        return table
    document = experiment_folder(path.parent)
    if not (document / "experiment.json").exists():
        return table
    try:
        facts = facts_of(read_experiment(document))
        lacking = [(name, kind) for name, kind in _FACTS if table[name].null_count == table.num_rows]
        columns = {name: pa.array([facts[name]] * table.num_rows, kind) for name, kind in lacking}
    except (pa.ArrowException, AttributeError, TypeError) as error:
        raise UserError(f"{document / 'experiment.json'} is from another version of sparserl: {error}") from error
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
    return table
