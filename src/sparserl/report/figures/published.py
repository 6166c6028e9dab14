"""The hyperparameters that the paper's sweeps chose: Graesser et al. 2022, Tables 1 to 3, and 5 for dense ResNets."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple


class TableRow(NamedTuple):
    """A row of a table; None is what it does not say, or what has no effect on the method."""

    weight_decay: float
    interval_updates: int | None = None
    drop_fraction: float | None = None
    sparsity_aware_initialization: bool | None = None
    learning_rate: float | None = None


_NAMES = {
    "weight_decay": "weight_decay",
    "interval_updates": "method.window.interval_updates",
    "drop_fraction": "method.drop_fraction",
    "sparsity_aware_initialization": "sparsity_aware_initialization",
    "learning_rate": "optimizer.learning_rate",
}
_TABLES: Mapping[tuple[str, str], tuple[str, Mapping[str, TableRow]]] = {  # by agent and kind of network
    ("dqn", "mlp"): (
        "Table 1",
        {
            "dense": TableRow(1e-6),
            "prune": TableRow(1e-6, 1_000),
            "static": TableRow(1e-6, None, None, True),
            "rigl": TableRow(1e-6, 1_000, 0.5, True),
            "set": TableRow(1e-6, 1_000, 0.5, True),
        },
    ),
    ("sac", "mlp"): (
        "Table 2",
        {
            "dense": TableRow(1e-4),
            "prune": TableRow(1e-4, 1_000),
            "static": TableRow(1e-4, None, None, False),
            "rigl": TableRow(1e-6, 1_000, 0.5, True),
            "set": TableRow(1e-4, 250, 0.3, True),
        },
    ),
    ("ppo", "mlp"): (
        "Table 3",
        {
            "dense": TableRow(1e-6),
            "prune": TableRow(1e-6, 500),
            "static": TableRow(0.0, None, None, True),
            "rigl": TableRow(1e-4, 250, 0.3, True),
            "set": TableRow(1e-6, None, 0.0, True),  # where nothing is dropped, the interval of 100 has no effect
        },
    ),
    ("dqn", "resnet"): ("Table 5", {"dense": TableRow(0.5e-5, learning_rate=1e-4)}),  # half of its decay: Deviation 51
}


def published_table(columns: Mapping[str, Any]) -> str:
    """The table that has a row for this agent, network and method; empty where none has."""
    table, rows = _TABLES.get((str(columns.get("agent")), str(columns.get("network_kind"))), ("", {}))
    return table if columns.get("method") in rows else ""


def is_published(columns: Mapping[str, Any]) -> bool:
    """Whether an experiment has all choices of its row."""
    _, rows = _TABLES.get((str(columns.get("agent")), str(columns.get("network_kind"))), ("", {}))
    chosen = rows.get(str(columns.get("method")))
    if chosen is None:
        return False
    wanted = {_NAMES[name]: value for name, value in chosen._asdict().items() if value is not None}
    return all(_alike(columns.get(name), value) for name, value in wanted.items())


def _alike(value: Any, wanted: float) -> bool:
    return isinstance(value, int | float) and math.isclose(value, wanted, rel_tol=1e-9, abs_tol=1e-15)
