"""Names: what an experiment is called on a page, with dense networks of different sizes told apart."""

from collections.abc import Mapping
from typing import Any

from sparserl.report.names import dense_name
from sparserl.report.roles import OTHER
from sparserl.report.style import method_name


def experiment_name(columns: Mapping[str, Any]) -> str:
    """`RigL, 90 %`, and which dense network is meant: `Dense, as many parameters as 90 %`, `Dense, budget 10 %`."""
    if columns.get("method") != "dense":
        return f"{method_name(str(columns.get('method', '')))}, {percent(columns.get('sparsity'))}"
    if columns.get("role") == OTHER and columns.get("budget") is not None:
        return f"Dense, budget {percent(columns['budget'])}"
    name, size = dense_name(str(columns.get("role")), columns.get("matches", ())), columns.get("live_parameters")
    return f"{name}, {size:,} parameters" if columns.get("role") == OTHER and isinstance(size, int) else name


def percent(sparsity: Any) -> str:
    """A fraction as people say it."""
    return f"{100 * sparsity:.4g} %" if isinstance(sparsity, int | float) else "sparsity not known"
