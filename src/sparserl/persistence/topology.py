"""The topologies of a run over training, where diagnostics were asked for: the live weights of every unit."""

from pathlib import Path

import pyarrow as pa

from sparserl.persistence.contents import read_table
from sparserl.persistence.tables import LIST_OF_COUNTS, WHOSE, Table

TOPOLOGY_FILE = "topology.parquet"
SIDES = ("input", "output")

TOPOLOGY_SCHEMA = pa.schema(
    [
        *WHOSE,
        ("environment_steps", pa.int64()),
        ("num_updates", pa.int64()),
        ("network", pa.string()),
        ("layer", pa.string()),
        ("side", pa.string()),  # one of SIDES: whose units are counted, those that a layer reads or those that it makes
        ("weights_per_unit", pa.int64()),  # dead and alive
        ("live_weights", LIST_OF_COUNTS),  # [unit]
    ]
)
"""One row per evaluation, network, layer and side: units in one list, which is far smaller than a row for each."""

TOPOLOGY = Table(TOPOLOGY_FILE, TOPOLOGY_SCHEMA, "a topology", "topologies")


def read_topology(folder: str | Path) -> pa.Table:
    """All topologies under `folder`: a results directory, an experiment's folder or a run's folder.

    Rows come by experiment, then seed, then as written. Safe while runs are writing: each file is read at one moment.
    Raises UserError where there are none, or naming the file that is damaged.
    """
    return read_table(TOPOLOGY, folder)
