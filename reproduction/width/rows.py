"""The rows that are kept of the studies: one for each run that has ended, with what its network is and took."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from widths import (
    LEARNING_RATES,
    METHODS,
    PARTS,
    Cell,
    Part,
    at_learning_rate,
    cells,
    cells_at_learning_rates,
    experiment,
    live_weights,
)

from sparserl.bench.clock import Clock
from sparserl.errors import UserError
from sparserl.report.runs import read_results
from sparserl.report.tracks import Track
from sparserl.study import Scale

Row = Mapping[str, Any]
SMALL = "dense, as many parameters"
LINES = {SMALL: ("dense", "#56B4E9", "o"), "static": ("static", "#E69F00", "s"), "RigL": ("rigl", "#D55E00", "^")}


def gathered(directory: Path, scale: Scale) -> list[Row]:
    """All runs of all parts that have ended, in the order of their networks. Raises UserError where there are none."""
    runs = _ended(directory)
    rows = [
        _row(part, cell, scale, run)
        for part in PARTS.values()
        for cell in cells(part)
        for run in runs.get(experiment(part, cell, scale).identifier, ())
    ]
    if not rows:
        raise UserError(f"{directory} has no run of these studies at scale {scale} that has ended")
    return rows


def at_learning_rates(directory: Path, scale: Scale) -> list[Row]:
    """The runs of SAC's networks with other learning rates that have ended, and beside them those with the preset's."""
    runs, part, rows = _ended(directory), PARTS["sac"], []
    for cell in cells_at_learning_rates():
        usual = experiment(part, cell, scale)
        for made in (usual, *(at_learning_rate(cell, rate, scale) for rate in LEARNING_RATES)):
            rate = {"learning_rate": made.optimizer.learning_rate}
            rows += [{**_row(part, cell, scale, run), **rate} for run in runs.get(made.identifier, ())]
    return rows


def _ended(directory: Path) -> dict[str, list[Any]]:
    """Runs that have finished or diverged, by experiment."""
    runs: dict[str, list[Any]] = {}
    for run in read_results(directory).runs:
        if run.status is not None and run.status.status in ("finished", "diverged"):
            runs.setdefault(run.id.experiment, []).append(run)
    return runs


def _row(part: Part, cell: Cell, scale: Scale, run: Any) -> Row:
    made = experiment(part, cell, scale)
    units = made.network.hidden_units
    return {
        "part": part.name,
        "environment": cell.environment,
        "level": cell.level,
        "method": cell.method,
        "units": units[0] if isinstance(units, tuple) else int(np.ceil(units * made.network.width)),
        "live_weights": live_weights(made),
        "live_parameters": run.columns["live_parameters"],
        "sparsity": made.sparsity,
        "total_steps": made.total_steps,
        "warmup_steps": made.agent.warmup_steps,
        "cell": cell.name,
        "experiment_id": run.id.experiment,
        "results_version": run.columns["results_version"],
        "seed": run.id.seed,
        "final_return": run.final_return,  # null: it has diverged
    }


def panels(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by what a panel shows: an environment and a number of live weights."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        sparse = next(each for each in rows if _place(each) == _place(row) and each["method"] != "dense")
        found.setdefault(f"{row['environment']}, {sparse['live_weights']:,} live weights", []).append(row)
    return found


def _place(row: Row) -> tuple[str, float]:
    return row["environment"], row["level"]


def common(rows: Sequence[Row]) -> list[Row]:
    """The rows of the seeds that all networks of their panel have: of their environment and number of live weights."""
    seeds: dict[tuple[str, float], dict[str, set[int]]] = {}
    for row in rows:
        seeds.setdefault(_place(row), {}).setdefault(row["cell"], set()).add(row["seed"])
    shared = {place: set.intersection(*of_cell.values()) for place, of_cell in seeds.items()}
    return [row for row in rows if row["seed"] in shared[_place(row)]]


def track(rows: Sequence[Row], method: str, place: Any) -> Track | None:
    """The final returns of a method's networks along what `place(row)` is of each; None where there are none.

    A seed of which any network has diverged is left out of the line, and counted.
    """
    own = sorted((row for row in rows if row["method"] == method), key=lambda row: (place(row), row["units"]))
    if not own:
        return None
    by_seed = {seed: [row for row in own if row["seed"] == seed] for seed in sorted({row["seed"] for row in own})}
    places = np.array([place(row) for row in next(iter(by_seed.values()))], np.float64)
    returns = {seed: [row["final_return"] for row in each] for seed, each in by_seed.items()}
    known = {seed: None if None in each else np.array(each, np.float64) for seed, each in returns.items()}
    return Track(places, known)


def run_seconds(row: Row, rates: Mapping[str, Mapping[str, Any]], masked: bool = False) -> float | None:
    """Seconds of training of a run, as it is or with masked kernels; None where that was not measured.

    Masked, every network of one width costs what the static one of the first environment and level was measured at.
    """
    name = row["cell"]
    if masked:
        part = PARTS[row["part"]]
        width = row["units"]
        name = f"{Cell(part.environments[0], part.levels[0], METHODS[0], width).name}, masked"
    if name not in rates:
        return None
    steps = row["total_steps"], row["total_steps"], row["warmup_steps"]
    return float(Clock.of(rates[name]).seconds_at(*steps))
