"""Runs and experiments as tables, a row each, for pandas, Polars, DuckDB: `table.to_pandas()`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from sparserl.report.statistics import Aggregate, estimate, interquartile_mean_over_tasks, run_scores

if TYPE_CHECKING:
    from sparserl.report.runs import Run

_FIRST = ("experiment_id", "agent", "method", "environment", "sparsity", "seed")
_NESTED = "matches"  # a list of mappings, of matched dense networks alone


def run_table(runs: Iterable["Run"]) -> pa.Table:
    """A row for each run: what it is, all choices by their names with dots, and how it has ended.

    `status` is that of the store, null where rows are all there is; `final_return` is null unless it has finished;
    `environment_steps` and `seconds` are those of the last evaluation. Null is what an experiment does not have.
    """
    return _table([_row(run) for run in runs])


def experiment_table(
    runs: Iterable["Run"], aggregate: Aggregate = interquartile_mean_over_tasks, confidence: float = 0.95
) -> pa.Table:
    """A row for each experiment: what it is, and its return over seeds with the ends of its t-interval.

    `value` is null where no run has finished, `low` and `high` where they are too few for an interval. Runs that have
    diverged are counted and left out, those that have not come to their end are left out.
    """
    by_experiment: dict[str, list[Run]] = {}
    for run in runs:
        by_experiment.setdefault(run.id.experiment, []).append(run)
    return _table([_estimated(each, aggregate, confidence) for each in by_experiment.values()])


def _row(run: "Run") -> dict[str, Any]:
    ended = {
        "status": run.status and run.status.status,
        "final_return": run.final_return,
        "environment_steps": int(run.environment_steps[-1]),
        "seconds": float(run.seconds[-1]),
    }
    return {**_identity(run), **ended, **_columns(run)}


def _identity(run: "Run") -> dict[str, Any]:
    return {name: run.columns[name] for name in _FIRST}


def _columns(run: "Run") -> dict[str, Any]:
    return {name: value for name, value in run.columns.items() if name not in (*_FIRST, _NESTED)}


def _estimated(runs: "Sequence[Run]", aggregate: Aggregate, confidence: float) -> dict[str, Any]:
    over = [run for run in runs if run.final_return is not None or (run.status and run.status.status == "diverged")]
    environment = runs[0].columns["environment"]
    scores = run_scores({environment: {run.id.seed: run.final_return for run in over}})
    told = estimate(scores, aggregate, confidence)
    identity = {name: value for name, value in _identity(runs[0]).items() if name != "seed"}
    counts = {"num_seeds": scores.num_runs, "num_diverged": scores.num_diverged}
    ends = {"value": told and told.value, "low": told and told.low, "high": told and told.high}
    return {**identity, **counts, **ends, **_columns(runs[0])}


def _table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: _array([row.get(name) for row in rows]) for name in names})


def _array(values: Sequence[Any]) -> pa.Array:
    """A column; where one name stands for choices of several types, as in two agents, all of them as text."""
    plain = [None if isinstance(value, float) and math.isnan(value) else value for value in values]
    try:
        return pa.array(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in plain], pa.string())
