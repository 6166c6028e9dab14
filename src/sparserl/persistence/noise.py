"""How a trained run does under noise on its observations: one row per standard deviation, where that was evaluated."""

from pathlib import Path

import pyarrow as pa

from sparserl.persistence.contents import read_table
from sparserl.persistence.tables import Table, has_table

NOISE_FILE = "noise.parquet"
NOISE_SCHEMA = pa.schema(
    [
        ("experiment_id", pa.string()),
        ("seed", pa.int64()),
        ("observation_noise", pa.float64()),
        ("mean_return", pa.float64()),
        ("standard_deviation", pa.float64()),
        ("num_episodes", pa.int64()),
    ]
)
"""The columns of every file of noise: `observation_noise` is a standard deviation, the other one is that of returns."""

NOISE = Table(NOISE_FILE, NOISE_SCHEMA, "an evaluation under noise", "evaluations under noise")


def read_noise(folder: str | Path) -> pa.Table:
    """All evaluations under noise under `folder`, as `read_diagnostics` reads diagnostics."""
    return read_table(NOISE, folder)


def has_noise(run_folder: str | Path) -> bool:
    """Whether a run has been evaluated under noise."""
    return has_table(NOISE, run_folder)
