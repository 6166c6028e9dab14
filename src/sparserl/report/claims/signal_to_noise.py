"""Claim 9: the signal-to-noise ratio of gradients, from the diagnostics of runs."""

from collections.abc import Iterator, Sequence

import numpy as np

from sparserl.report.claims.findings import Part, above, below
from sparserl.report.claims.groups import Group
from sparserl.report.claims.wording import in_percent, named
from sparserl.report.runs import Run
from sparserl.report.statistics import RunScores, estimate, mean_over_tasks, probability_of_improvement, run_scores

CLAIM = (
    "The signal-to-noise ratio of gradients is as low as 0.01 from early in training on, falls with sparsity, and is "
    "lower in actors than in critics"
)
NEEDS = "RigL at several sparsities and dense networks, with diagnostics"
_LOW, _EARLY = 0.02, 0.2  # what is "as low as 0.01"; the part of training that is early
_MISSING = ("diagnostics of the runs",)


def parts(group: Group) -> Iterator[Part]:
    """Means over training of the ratio over all parameters of a network, run by run."""
    runs = [run for run in group.plain if run.columns.get("role") in ("sparse", "full-dense")]
    yield _lowest(group, runs)
    yield _falls(group, [run for run in runs if run.columns["method"] in ("dense", "rigl")])
    networks = {row["network"] for run in runs for row in group.diagnostics.get(str(run.id), ())}
    if any("actor" in name for name in networks) or group.where.startswith(("SAC", "PPO")):
        yield _actors(group, runs)


def ratios_of(group: Group, runs: Sequence[Run], until: float = 1.0, network: str = "") -> RunScores:
    """The mean ratio of each run, by experiment and network; `network` is part of those meant."""
    by_task: dict[str, dict[int, float | None]] = {}
    for run in runs:
        rows = [row for row in group.diagnostics.get(str(run.id), ()) if row["layer"] == "all"]
        last = max((row["environment_steps"] for row in rows), default=0)
        for name in dict.fromkeys(row["network"] for row in rows if network in row["network"]):
            values = [
                row["signal_to_noise"]
                for row in rows
                if row["network"] == name
                and row["signal_to_noise"] is not None
                and row["environment_steps"] <= until * last
            ]
            if values:
                by_task.setdefault(f"{run.id.experiment} {name}", {})[run.id.seed] = float(np.mean(values))
    return run_scores(by_task)


def _lowest(group: Group, runs: Sequence[Run]) -> Part:
    statement = f"the ratio is below {_LOW:g} in the first {in_percent(_EARLY)} of training, where it is lowest"
    rule = f"the interval of the lowest mean of a network lies below {_LOW:g}"
    early = ratios_of(group, runs, _EARLY)
    if not early.tasks:
        return Part(statement, rule, "not enough runs", missing=_MISSING)
    least = min(early.tasks, key=lambda task: float(early.of_tasks([task]).values[0].mean()))
    estimated = estimate(early.of_tasks([least]), mean_over_tasks)
    experiment, _, network = least.rpartition(" ")
    columns = next(run.columns for run in runs if run.id.experiment == experiment)
    size = "" if columns["method"] == "dense" else f" at {in_percent(columns['sparsity'])}"
    where = f"{network} of {named(columns['method'])}{size} on {columns['environment']}"
    return Part(statement, rule, below(estimated, _LOW), estimated, where)


def _falls(group: Group, runs: Sequence[Run]) -> Part:
    """The least sparse networks above the sparsest, in each environment and network."""
    statement = "the ratio of RigL's gradients is lower at the highest sparsity than at the lowest, or dense"
    rule = "the interval of the chance that it is higher in a run at the lowest lies above 1/2"
    by_environment: dict[str, list[Run]] = {}
    for run in runs:
        by_environment.setdefault(run.columns["environment"], []).append(run)
    low: list[Run] = []
    high: list[Run] = []
    for here in by_environment.values():
        sparsity = lambda run: 0.0 if run.columns["method"] == "dense" else run.columns["sparsity"]
        ends = sorted({sparsity(run) for run in here})
        if len(ends) > 1:
            low += [run for run in here if sparsity(run) == ends[0]]
            high += [run for run in here if sparsity(run) == ends[-1]]
    estimated = probability_of_improvement(_by_network(group, low), _by_network(group, high))
    missing = () if estimated else ("diagnostics of RigL at two sparsities, or of it and of dense networks",)
    return Part(statement, rule, above(estimated, 0.5), estimated, "", missing)


def _actors(group: Group, runs: Sequence[Run]) -> Part:
    statement = "actors have a lower ratio than critics"
    judge = "value" if group.where.startswith("PPO") else "critic"
    critics, actors = (_renamed(ratios_of(group, runs, network=name)) for name in (judge, "actor"))
    estimated = probability_of_improvement(critics, actors)
    missing = () if estimated else ("diagnostics of actors and critics",)
    rule = "the interval of the chance that it is higher in a run's critic than in a run's actor lies above 1/2"
    return Part(statement, rule, above(estimated, 0.5), estimated, "", missing)


def _renamed(scores: RunScores) -> RunScores:
    """Tasks by experiment alone; of several critics the first."""
    first = {task.rpartition(" ")[0]: task for task in reversed(scores.tasks)}
    return scores.of_tasks(list(first.values()))._replace(tasks=tuple(first))


def _by_network(group: Group, runs: Sequence[Run]) -> RunScores:
    """Tasks by environment and network, which have one experiment of a sparsity each."""
    environment = {run.id.experiment: run.columns["environment"] for run in runs}
    scores = ratios_of(group, runs)
    called = [f"{environment[task.rpartition(' ')[0]]} {task.rpartition(' ')[2]}" for task in scores.tasks]
    single = [task for task, name in zip(scores.tasks, called, strict=True) if called.count(name) == 1]
    names = tuple(name for name in called if called.count(name) == 1)
    return scores.of_tasks(single)._replace(tasks=names)
