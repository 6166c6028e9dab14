"""The numbers of the peers' benchmark: medians over rounds, ratios with their spread, and the marks that were set."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.peers.processes import OURS, Candidate
from benchmarks.peers.tasks import TASKS

Rows = Sequence[Mapping[str, Any]]
SPARSE = 0.9


class Spread(NamedTuple):
    """A median over rounds, and what lies farthest from it."""

    median: float
    lowest: float
    highest: float


class Mark(NamedTuple):
    """At least how many times a peer's rate ours is to be (issue 18)."""

    task: str
    sparsity: float
    peer: str
    aim: float

    @property
    def words(self) -> str:
        ours = f"RigL {self.sparsity:.0%}" if self.sparsity else "dense"
        return f"{self.task}, {ours}, x {self.peer}"


MARKS = (
    Mark("dqn", SPARSE, "sbx", 10.0),
    Mark("dqn", SPARSE, "stable-baselines3", 15.0),
    Mark("sac", SPARSE, "sbx", 6.5),
    Mark("sac", SPARSE, "stable-baselines3", 13.0),
    Mark("ppo", SPARSE, "sbx", 5.0),
    Mark("dqn", 0.0, "sbx", 2.0),
    Mark("sac", 0.0, "sbx", 1.5),
    Mark("ppo", 0.0, "sbx", 5.0),
    Mark("pixels", SPARSE, "stable-baselines3", 2.0),
)


def spread(values: Sequence[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def times(found: Spread | None) -> str:
    """A ratio with its spread; a dash where there is none."""
    return "-" if found is None else plain(found, ".2f")


def plain(found: Spread, form: str) -> str:
    """A number with its spread, where there is one: a single round has none."""
    median, lowest, highest = (format(value, form) for value in found)
    return median if found.lowest == found.highest else f"{median} ({lowest} to {highest})"


def training(rows: Rows, instructions: str, task: str) -> dict[Candidate, dict[int, Mapping[str, Any]]]:
    """Values by round, of each candidate that was measured."""
    found: dict[Candidate, dict[int, Mapping[str, Any]]] = {}
    for row in rows:
        key = row["key"]
        if (key["part"], key["instructions"], key.get("task")) == ("training", instructions, task):
            candidate = Candidate(key["project"], "per core" in key["layout"], key["sparsity"])
            found.setdefault(candidate, {})[key["round"]] = row["values"]
    return found


def rounds(rows: Rows, instructions: str) -> int:
    """How often all candidates had their turn in training, in all tasks that were measured."""
    measured = [training(rows, instructions, task) for task in TASKS]
    return min((len(by_round) for each in measured for by_round in each.values()), default=0)


def rate(by_round: Mapping[int, Mapping[str, Any]]) -> Spread:
    return spread([values["steps_per_second"] for values in by_round.values()])


def better(measured: Mapping[Candidate, Mapping[int, Any]], project: str, sparsity: float) -> Candidate | None:
    """The layout of a project in which it is faster."""
    layouts = [each for each in measured if (each.project, each.sparsity) == (project, sparsity)]
    return max(layouts, key=lambda each: rate(measured[each]).median, default=None)


def ratio(own: Mapping[int, Mapping[str, Any]], other: Mapping[int, Mapping[str, Any]]) -> Spread:
    """Of single rounds, in which both took their turns; of the medians where they have no round in common."""
    of_rounds = [own[n]["steps_per_second"] / other[n]["steps_per_second"] for n in own if n in other]
    return spread(of_rounds or [rate(own).median / rate(other).median])


def over_peer(measured: Mapping[Candidate, Any], candidate: Candidate, peer: str) -> Spread | None:
    """How many times the rate of a peer's better layout; None where either was not measured."""
    other = better(measured, peer, 0.0)
    return None if other is None or candidate not in measured else ratio(measured[candidate], measured[other])


def reached(rows: Rows, instructions: str, mark: Mark) -> Spread | None:
    """What stands beside a mark; None where it was not measured."""
    return over_peer(training(rows, instructions, mark.task), Candidate(OURS, True, mark.sparsity), mark.peer)


class Final(NamedTuple):
    """What a candidate had reached at the last of its evaluations by steps, or by seconds, over seeds."""

    returns: Spread
    mean: float
    steps: float
    seconds: float
    num_seeds: int


def returns(rows: Rows, instructions: str, task: str) -> dict[Candidate, list[Mapping[str, Any]]]:
    """All evaluations of all seeds, `seed` among their fields, by candidate."""
    found: dict[Candidate, list[Mapping[str, Any]]] = {}
    for row in rows:
        key = row["key"]
        if (key["part"], key["instructions"], key.get("task")) == ("returns", instructions, task):
            runs = row["values"]["runs"]
            evaluations = [{"seed": run["seed"], **each} for run in runs for each in run["evaluations"]]
            found.setdefault(Candidate(key["project"], True, key["sparsity"]), []).extend(evaluations)
    return found


def final(evaluations: Sequence[Mapping[str, Any]], by: str) -> Final:
    """Over seeds, at the end of the steps (`by` steps) or of the seconds."""
    own = [each for each in evaluations if each["by"] == by]
    last = [each for each in own if each["at"] == max(other["at"] for other in own)]
    values = [each["return"] for each in last]
    middle = lambda name: statistics.median(each[name] for each in last)
    return Final(spread(values), statistics.mean(values), middle("steps"), middle("seconds"), len(last))


def summary(rows: Rows) -> dict[str, Any]:
    """The marks and the ratios, as plain JSON."""
    held = list(dict.fromkeys(row["key"]["instructions"] for row in rows))
    marks = [
        {**mark._asdict(), "instructions": each, "reached": None if found is None else found._asdict()}
        for each in held
        for mark in MARKS
        for found in [reached(rows, each, mark)]
    ]
    rates = [
        {"instructions": each, "task": task, **candidate._asdict(), "steps_per_second": rate(by_round)._asdict()}
        for each in held
        for task in TASKS
        for candidate, by_round in training(rows, each, task).items()
    ]
    return {"marks": marks, "rates": rates}
