"""Tidy rows to curves: which line stands for what, in which panel, over which seeds."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from sparserl.persistence import UserError
from sparserl.report.figures.curve_panels import Curve
from sparserl.report.names import details, identity
from sparserl.report.style import method_name, method_rank

TidyRows: TypeAlias = pa.Table | Sequence[Mapping[str, Any]]

_COLUMNS = ("environment", "method", "sparsity", "seed", "mean_return")


class Variant(NamedTuple):
    """What one line stands for, in the order of legends; `detail` is what tells it apart where the rest does not."""

    rank: int
    method: str
    sparsity: float
    agent: str
    detail: str


def panels_of(rows: TidyRows, along: str, unit: float = 1) -> dict[str, dict[Variant, Curve]]:
    """Curves by environment and variant, along a column in units of `unit`, whatever the order of the rows.

    Raises UserError where a column is missing.
    """
    records = rows.to_pylist() if isinstance(rows, pa.Table) else list(rows)
    if not records:
        raise UserError("there are no evaluations to draw")
    columns = (*_COLUMNS[:-1], along, _COLUMNS[-1])
    if missing := [name for name in columns if name not in records[0]]:
        raise UserError(f"rows without the column {missing[0]!r}; these curves need {', '.join(columns)}")
    detail_of = details(records)
    gathered: dict[str, dict[Variant, dict[int, dict[float, float]]]] = defaultdict(lambda: defaultdict(dict))
    for row in records:
        seeds = gathered[row["environment"]][_variant(row, detail_of[identity(row)])]
        seeds.setdefault(row["seed"], {})[row[along]] = row["mean_return"]
    return {
        environment: {variant: _curve(seeds, unit) for variant, seeds in sorted(variants.items())}
        for environment, variants in sorted(gathered.items())
    }


def _variant(row: Mapping[str, Any], detail: str) -> Variant:
    return Variant(method_rank(row["method"]), row["method"], row["sparsity"], str(row.get("agent", "")), detail)


def _curve(seeds: Mapping[int, Mapping[float, float]], unit: float) -> Curve:
    places = sorted({place for evaluations in seeds.values() for place in evaluations})
    returns = np.array([[seeds[seed].get(place, np.nan) for place in places] for seed in sorted(seeds)], np.float64)
    diverged = [not np.isfinite(list(evaluations.values())).all() for evaluations in seeds.values()]
    return Curve(np.array(places) / unit, np.where(np.isfinite(returns), returns, np.nan), sum(diverged))


def variant_name(variant: Variant, variants: Sequence[Variant]) -> str:
    """`RigL 90 %`, with the agent where the figure shows several, and what tells it apart."""
    agent = variant.agent.upper() if len({other.agent for other in variants}) > 1 else ""
    sparsity = f"{100 * variant.sparsity:.4g} %" if variant.sparsity else ""
    return " ".join(part for part in (agent, method_name(variant.method), sparsity, variant.detail) if part)
