"""Experiments and runs of a part as rows of tables, and what of each is shown below them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from sparserl.persistence import RunId, StoredExperiment
from sparserl.report.figures.apart import Seat, told_apart
from sparserl.report.page.names import experiment_name
from sparserl.report.roles import FULL, MATCHED, OTHER, SPARSE
from sparserl.report.runs import Run
from sparserl.report.selection import Selection
from sparserl.report.statistics import FEWEST_FOR_INTERVAL, mean_interval
from sparserl.report.style import method_rank

MOST_IN_DETAIL = 300  # runs of a page that have a section
DETAIL_RULE = (
    f"A page has a section for each of at most {MOST_IN_DETAIL:,} runs: first those that have not finished, then the "
    "lowest seeds of each experiment. `sparserl report FOLDER` of one experiment, or of one run, shows the others."
)


class Row(NamedTuple):
    """An experiment in a table; `final` is the mean over the seeds that have finished, None where none has."""

    identifier: str
    name: str
    columns: Mapping[str, Any]
    num_finished: int
    num_diverged: int
    num_runs: int  # that the study wants, or that are there
    final: float | None
    interval: tuple[float, float] | None
    seconds: float | None  # that a finished run took, the mean


def by_experiment(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each experiment, in their order."""
    grouped: dict[str, list[Run]] = {}
    for run in runs:
        grouped.setdefault(run.id.experiment, []).append(run)
    return grouped


def rows(selection: Selection) -> list[Row]:
    """All experiments of a part: those that have runs, and those of its study that have none yet."""
    runs = by_experiment(sorted(selection.runs, key=lambda run: run.id))
    wanted = {experiment.identifier: experiment for experiment in selection.experiments}
    made = [_row(name, each, selection.num_seeds if name in wanted else len(each)) for name, each in runs.items()]
    made += [_without_runs(wanted[name], selection.num_seeds) for name in wanted if name not in runs]
    return sorted(_told_apart(made), key=_place)


def _told_apart(made: Sequence[Row]) -> list[Row]:
    """The rows with what differs behind the names that several have in an environment."""
    alike: dict[tuple[str, ...], list[Row]] = {}
    for row in made:
        key = str(row.columns.get("environment")), str(row.columns.get("agent")), row.name
        alike.setdefault(key, []).append(row)
    told: dict[Any, tuple[str, ...]] = {}
    for each in alike.values():
        told |= told_apart([Seat(row.identifier, row.columns, None) for row in each])
    return [row._replace(name=", ".join([row.name, *told[row.identifier]])) for row in made]


def _place(row: Row) -> tuple[Any, ...]:
    """Dense networks from the largest on, then methods in the order of figures, from the least sparse networks on."""
    columns, method = row.columns, str(row.columns.get("method"))
    named = str(columns.get("environment")), str(columns.get("agent")), method_rank(method), method
    size = -(columns.get("live_parameters") or 0) if method == "dense" else columns.get("sparsity") or 0.0
    return *named, size, row.name, row.identifier


def in_order(runs: Sequence[Run], ordered: Sequence[Row]) -> list[Run]:
    """The runs in the order of their experiments, by seed."""
    places = {row.identifier: place for place, row in enumerate(ordered)}
    return sorted(runs, key=lambda run: (places[run.id.experiment], run.id.seed))


def _row(identifier: str, runs: Sequence[Run], num_runs: int) -> Row:
    finals = np.array([run.final_return for run in runs if run.final_return is not None], np.float64)
    took = [run.status.seconds for run in runs if run.status and run.status.seconds and _ended(run, "finished")]
    interval = None
    if len(finals) >= FEWEST_FOR_INTERVAL:
        low, high = mean_interval(finals[:, None])
        interval = float(low[0]), float(high[0])
    columns = runs[0].columns
    return Row(
        identifier,
        experiment_name(columns),
        columns,
        sum(run.final_return is not None or _ended(run, "finished") for run in runs),
        sum(_ended(run, "diverged") for run in runs),
        max(num_runs, len(runs)),
        float(finals.mean()) if len(finals) else None,
        interval,
        sum(took) / len(took) if took else None,
    )


def _without_runs(stored: StoredExperiment, num_runs: int) -> Row:
    told = {"environment": stored.environment, "agent": stored.agent, "method": stored.method}
    full = FULL if stored.facts.get("budget") is None else OTHER
    role = MATCHED if stored.matches else full if stored.method == "dense" else SPARSE
    columns = {**told, **stored.facts, "sparsity": stored.sparsity, "role": role, "matches": stored.matches}
    return Row(stored.identifier, experiment_name(columns), columns, 0, 0, num_runs, None, None, None)


def _ended(run: Run, status: str) -> bool:
    return run.status is not None and run.status.status == status


def in_detail(runs: Sequence[Run], most: int = MOST_IN_DETAIL) -> set[RunId]:
    """The runs that have a section, by `DETAIL_RULE`."""
    unique = {run.id: run for run in runs}
    ordered = sorted(unique.values(), key=lambda run: (_ended(run, "finished"), run.id.seed, run.id))
    return {run.id for run in ordered[:most]}
