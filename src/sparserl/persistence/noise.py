"""How a trained run does under noise on its observations: one row per standard deviation, where that was evaluated."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from sparserl.errors import UserError
from sparserl.persistence.contents import read_table
from sparserl.persistence.documents import read_bytes
from sparserl.persistence.tables import WHOSE, Table, has_table, parse_table, write_table

NOISE_FILE = "noise.parquet"
NOISE_SCHEMA = pa.schema(
    [
        *WHOSE,
        ("observation_noise", pa.float64()),
        ("mean_return", pa.float64()),
        ("standard_deviation", pa.float64()),
        ("num_episodes", pa.int64()),
    ]
)
"""The columns of every file of noise: `observation_noise` is its standard deviation, the other one is that of returns.

Deviations ascend. They are in units of pixels of 0 to 255 or, of other features, of the standard deviation of each.
"""

NOISE = Table(NOISE_FILE, NOISE_SCHEMA, "an evaluation under noise", "evaluations under noise")

Rows = list[dict[str, Any]]


def read_noise(folder: str | Path) -> pa.Table:
    """All evaluations under noise under `folder`, as `read_diagnostics` reads diagnostics."""
    return read_table(NOISE, folder)


def has_noise(run_folder: str | Path) -> bool:
    """Whether a run has been evaluated under noise."""
    return has_table(NOISE, run_folder)


def noise_rows(run_folder: str | Path) -> Rows:
    """The rows of one run; none without a file, or where that is damaged: all can be found out again."""
    path = Path(run_folder) / NOISE_FILE
    try:
        return parse_table(NOISE, read_bytes(path), path).to_pylist() if path.exists() else []
    except UserError:
        return []


def missing_noise(run_folder: str | Path, deviations: Sequence[float]) -> tuple[float, ...]:
    """Those of `deviations` under which a run has not been evaluated, in the same order."""
    known = {row["observation_noise"] for row in noise_rows(run_folder)}
    return tuple(deviation for deviation in deviations if deviation not in known)


def write_noise(run_folder: str | Path, rows: Sequence[Mapping[str, Any]], through: Path) -> None:
    """Put the rows in place of those of the run, in the order of their deviations, by way of the folder `through`."""
    write_table(NOISE, run_folder, sorted(rows, key=lambda row: row["observation_noise"]), through)
