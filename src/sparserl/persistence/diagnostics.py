"""The diagnostics of a run, where they were asked for: one row per evaluation, network and layer."""

from pathlib import Path

import pyarrow as pa

from sparserl.persistence.atomic import discard
from sparserl.persistence.contents import read_table
from sparserl.persistence.tables import WHOSE, Table, has_table
from sparserl.persistence.topology import TOPOLOGY_FILE

DIAGNOSTICS_FILE = "diagnostics.parquet"
_MEASURED = (
    "live_density",
    "jaccard_to_start",
    "jaccard_to_previous",
    "tried_fraction",
    "weight_norm",
    "gradient_norm",
    "live_gradient_norm",
    "signal_to_noise",
    "live_signal_to_noise",
    "dead_signal_to_noise",
    "dormant_fraction_0",
    "dormant_fraction_0025",
    "srank",
    "effective_rank",
)

DIAGNOSTICS_SCHEMA = pa.schema(
    [
        *WHOSE,
        ("environment_steps", pa.int64()),
        ("num_updates", pa.int64()),
        ("network", pa.string()),
        ("layer", pa.string()),
        *((name, pa.float64()) for name in _MEASURED),
    ]
)
"""The columns of every diagnostics file: `layer` is "all" for the network as a whole; null is what was not measured."""

DIAGNOSTICS = Table(DIAGNOSTICS_FILE, DIAGNOSTICS_SCHEMA, "a diagnosis", "diagnostics", frozenset(_MEASURED))


def read_diagnostics(folder: str | Path) -> pa.Table:
    """All diagnostics under `folder`: a results directory, an experiment's folder or a run's folder.

    Rows come by experiment, then seed, then as written. Safe while runs are writing: each file is read at one moment.
    Raises UserError where there are none, or naming the file that is damaged.
    """
    return read_table(DIAGNOSTICS, folder)


def has_diagnostics(run_folder: str | Path) -> bool:
    """Whether a run has written any."""
    return has_table(DIAGNOSTICS, run_folder)


def drop_diagnostics(run_folder: str | Path, through: Path) -> None:
    """Remove those of a former start of a run that goes on without them, by way of the folder `through`."""
    for name in (DIAGNOSTICS_FILE, TOPOLOGY_FILE):
        discard(Path(run_folder) / name, through)
