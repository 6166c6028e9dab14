"""The table of costs, `reproduction/costs/README.md`, and the core-hours by study that the page of verdicts tells."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evidence.costs import CORES, Cost, StudyKey
from evidence.kept import REPRODUCTION
from sparserl.persistence import processor_name

FOLDER = REPRODUCTION / "costs"
FILE, CALIBRATION = FOLDER / "costs.json", FOLDER / "calibration.json"

_HEAD = """# What every study takes

Core-hours of each study of the catalogue and of [parts of them](../parts_of_grids/), and hours with a run on every one
of 2, 64 and 512 cores, never less than the longest run takes. Of {experiments} experiments {measured} were measured,
each for seconds on a core of its own: [`calibration.json`](calibration.json). All others follow from these by agent,
network, size, storage and environment, as in `sparserl study plan`. Evaluations are taken to last as long as time
limits allow, so that most runs take less; runs that several studies share count in each of them. {machine}

    scripts/write-costs --measure      # on a machine that does nothing else
    scripts/write-costs                # the table from what was measured
"""


def read_costs(file: Path = FILE) -> list[Cost]:
    """The costs that are committed; none where nothing was measured yet."""
    return [Cost(**entry) for entry in json.loads(file.read_text())["costs"]] if file.exists() else []


def hours_by_study(costs: Sequence[Cost]) -> dict[StudyKey, float]:
    """Core-hours, where they are known."""
    return {(cost.study, cost.scale): cost.core_hours for cost in costs if cost.core_hours is not None}


def costs_page(costs: Sequence[Cost], document: dict[str, Any], num_measured: int) -> str:
    """The page; document: what `costs.document` has, with the number of different experiments."""
    machine = document["machine"]
    told = f"Machine: {processor_name(machine)} ({machine['cpu_features']}), {machine['num_cores']} cores."
    head = _HEAD.format(measured=num_measured, experiments=f"{document['num_experiments']:,}", machine=told)
    scales = dict.fromkeys(cost.scale for cost in costs)
    return "\n".join([head, *(_table(scale, [cost for cost in costs if cost.scale == scale]) for scale in scales)])


def _table(scale: str, costs: Sequence[Cost]) -> str:
    titles = ["study", "runs", "steps", "core-hours", "longest run, hours", *(f"hours on {cores}" for cores in CORES)]
    lines = [f"## Scale `{scale}`\n", f"| {' | '.join(titles)} |", "|---" + "|---:" * (len(titles) - 1) + "|"]
    for cost in costs:
        hours = [cost.core_hours, cost.longest_run_hours, *(cost.hours(cores) for cores in CORES)]
        numbers = [f"{cost.num_runs:,}", f"{cost.environment_steps:,}", *map(three_digits, hours)]
        lines.append(f"| `{cost.study}` | {' | '.join(numbers)} |")
    return "\n".join(lines) + "\n"


def three_digits(hours: float | None) -> str:
    """As many as estimates from a few experiments deserve; a dash where it is not known."""
    if hours is None:
        return "-"
    return f"{float(f'{hours:.3g}'):,.0f}" if hours >= 100 else f"{hours:.3g}"
