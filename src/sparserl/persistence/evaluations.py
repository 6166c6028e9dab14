"""The evaluations of a run: one row per evaluation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from sparserl.persistence.tables import Table, read_table, write_table

FILE_NAME = "evaluations.parquet"

EVALUATION_SCHEMA = pa.schema(
    [
        ("experiment_id", pa.string()),
        ("agent", pa.string()),
        ("method", pa.string()),
        ("environment", pa.string()),
        ("sparsity", pa.float64()),
        ("seed", pa.int64()),
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
    ]
)
"""The columns of every evaluations file: spread over the episodes of one evaluation, `seconds` since the start."""

EVALUATIONS = Table(FILE_NAME, EVALUATION_SCHEMA, "an evaluation", "evaluations")


def write_evaluations(run_folder: str | Path, rows: Sequence[Mapping[str, Any]], through: Path | None = None) -> None:
    """Put all evaluations of a run so far, one mapping per row, in place of those before, by `write_atomically`.

    Raises UserError where a row lacks a column, has one that the schema does not know, or a value of another type.
    """
    write_table(EVALUATIONS, run_folder, rows, through)


def read_evaluations(folder: str | Path) -> pa.Table:
    """All evaluations under `folder`: a results directory, an experiment's folder or a run's folder.

    Rows come by experiment, then seed, then as written. Safe while runs are writing: each file is read at one moment.
    Raises UserError where there are none, or naming the file that is damaged.
    """
    return read_table(EVALUATIONS, folder)
