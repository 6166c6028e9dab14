"""The rows that are kept of the study: one for each evaluation, and the tracks that they make."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from return_against_seconds import study
from six_networks import ENVIRONMENTS, NETWORKS

from sparserl.bench.clock import Clock
from sparserl.errors import UserError
from sparserl.report.provenance import processor_of
from sparserl.report.runs import Run, read_results
from sparserl.report.tracks import Track, Tracks
from sparserl.study import Scale

Row = Mapping[str, Any]
ENDED = ("finished", "diverged")


def gathered(directory: Path, scale: Scale) -> list[Row]:
    """All evaluations of the runs of the study that have ended. Raises UserError where there are none."""
    experiments = study(scale).experiments
    cells = [(environment, network.name) for environment in ENVIRONMENTS for network in NETWORKS]
    places = {each.identifier: cell for each, cell in zip(experiments, cells, strict=True)}
    rows = [
        row
        for run in read_results(directory).runs
        if run.id.experiment in places and run.status is not None and run.status.status in ENDED
        for row in _rows(run, *places[run.id.experiment])
    ]
    if not rows:
        raise UserError(f"{directory} has no run of this study at scale {scale} that has ended")
    order = {cell: number for number, cell in enumerate(cells)}
    return sorted(
        rows, key=lambda row: (order[row["environment"], row["network"]], row["seed"], row["environment_steps"])
    )


def _rows(run: Run, environment: str, network: str) -> list[Row]:
    assert run.status is not None
    told = {
        "environment": environment,
        "network": network,
        "experiment_id": run.id.experiment,
        "results_version": run.columns["results_version"],
        "seed": run.id.seed,
        "status": run.status.status,
        "learning_rate": run.columns["optimizer.learning_rate"],
        "live_parameters": run.columns["live_parameters"],
        "live_macs": run.columns["live_macs"],
        "total_steps": run.columns["total_steps"],
        "warmup_steps": run.columns["agent.warmup_steps"],
        "attempts": run.status.attempt,
        "checkpoint_seconds": run.status.checkpoint_seconds,
        "processor": processor_of(run) or "not known",
    }
    places = zip(run.environment_steps, run.mean_return, run.seconds, strict=True)
    return [
        {**told, "environment_steps": int(steps), "mean_return": float(value), "wall_seconds": float(seconds)}
        for steps, value, seconds in places
    ]


def tracks(rows: Sequence[Row], along: Literal["steps", "seconds"], clocks: Mapping[tuple[str, str], Clock]) -> Tracks:
    """The tracks of all networks that have runs, along steps or along the seconds of their clocks."""
    made: dict[str, dict[str, Track]] = {}
    by_run: dict[tuple[str, str], dict[int, list[Row]]] = {}
    for row in rows:
        by_run.setdefault((row["environment"], row["network"]), {}).setdefault(row["seed"], []).append(row)
    for (environment, network), seeds in by_run.items():
        finished = [each for each in seeds.values() if each[0]["status"] == "finished"]
        if not finished:
            continue
        steps = [row["environment_steps"] for row in finished[0]]
        about = finished[0][0]["total_steps"], finished[0][0]["warmup_steps"]
        clock = clocks[environment, network]
        places = np.array(steps, np.float64) if along == "steps" else clock.seconds_at(steps, *about)
        returns = {
            seed: np.array([row["mean_return"] for row in each]) if each[0]["status"] == "finished" else None
            for seed, each in seeds.items()
        }
        made.setdefault(environment, {})[network] = Track(places, returns)
    return made
