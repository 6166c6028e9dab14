"""Observed: what runs have recorded beside their evaluations, as claims ask for it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow.compute as pc

from sparserl import persistence
from sparserl.persistence import UserError
from sparserl.report.runs import Run

_COLUMNS = ["network", "layer", "environment_steps", "signal_to_noise"]


def diagnostics_of(runs: Iterable[Run]) -> dict[str, Sequence[Mapping[str, Any]]]:
    """The signal-to-noise ratios of networks as a whole, by run; a file that cannot be read has none."""
    rows: dict[str, Sequence[Mapping[str, Any]]] = {}
    for run in runs:
        if run.folder is not None and persistence.has_diagnostics(run.folder):
            try:
                table = persistence.read_diagnostics(run.folder).select(_COLUMNS)
            except UserError:
                continue
            rows[str(run.id)] = table.filter(pc.equal(table["layer"], "all")).to_pylist()
    return rows


def noise_of(runs: Iterable[Run]) -> dict[str, Mapping[float, float]]:
    """The mean return by standard deviation of the noise on observations, by run; a damaged file has none."""
    returns: dict[str, Mapping[float, float]] = {}
    for run in runs:
        if run.folder is not None and persistence.has_noise(run.folder):
            try:
                table = persistence.read_noise(run.folder)
            except UserError:
                continue
            pairs = zip(table["observation_noise"].to_pylist(), table["mean_return"].to_pylist(), strict=True)
            returns[str(run.id)] = dict(pairs)
    return returns
