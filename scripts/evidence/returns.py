"""Returns of kept studies beside each other: dense of full size, dense of as many parameters, and sparse."""

import functools
from collections.abc import Sequence

from evidence.kept import REPRODUCTION, RESULTS
from sparserl.report.cells import scores_of
from sparserl.report.claims.groups import chosen, groups
from sparserl.report.claims.sides import better, share_kept
from sparserl.report.claims.wording import in_percent, named
from sparserl.report.runs import Run, read_results
from sparserl.report.statistics import RunScores, difference, in_words

_REACHED = -190.0  # the goal is reached in some episodes: each step costs 1, and 200 are allowed
_WIDE, _LARGE = 10.0, 100.0  # intervals and returns from which on a decimal tells nothing


def figure_5_returns() -> str:
    """A row for each environment and sparsity; the interval is that of RigL less dense of as many parameters."""
    lines = [
        "| final return | dense, 2 x 512 | dense, as many parameters | RigL | difference of the last two (95 %) |",
        "|---|---|---|---|---|",
    ]
    for environment in ("CartPole-v1", "Acrobot-v1", "MountainCar-v0"):
        for sparsity in (0.9, 0.95):
            here = [run for run in _runs() if run.columns["environment"] == environment]
            lines.append(f"| {environment}, {in_percent(sparsity)} | {' | '.join(_cells(here, sparsity))} |")
    return "\n".join(lines)


def figure_8_shares() -> str:
    """A row for each method: what it keeps of dense, and how often it beats dense networks of as many parameters."""
    lines = [
        "| | keeps of dense, ERK, 90 % | 95 % | uniform, 90 %"
        " | better than dense of as many parameters, ERK, 90 and 95 % |",
        "|---|---|---|---|---|",
    ]
    (group,) = groups(read_results(REPRODUCTION / "dqn_classic" / RESULTS).runs, {}, {})
    full, small = (chosen(group.runs, role=role) for role in ("full-dense", "matched-dense"))
    for method in ("prune", "static", "set", "rigl"):
        of = lambda sparsity, distribution, method=method: chosen(
            group.runs, method=method, sparsity=sparsity, distribution=distribution
        )
        kept = [share_kept(group, of(*cell), full)[0] for cell in ((0.9, "erk"), (0.95, "erk"), (0.9, "uniform"))]
        name = named(method)
        chance = better(group, [*of(0.9, "erk"), *of(0.95, "erk")], small, "", (name, "dense")).estimate
        told = ["-" if each is None else in_words(each) for each in (*kept, chance)]
        lines.append(f"| {name[0].upper()}{name[1:]} | {' | '.join(told)} |")
    return "\n".join(lines)


def reach_the_goal(aware: bool) -> str:
    """Of RigL's runs on MountainCar, how many come above a return of -190, by how their weights were drawn."""
    runs = read_results(REPRODUCTION / "initialiser" / RESULTS).runs
    drawn = {"environment": "MountainCar-v0", "sparsity_aware_initialization": aware}
    own = [run for run in runs if all(run.columns[name] == value for name, value in drawn.items())]
    returns = [run.status.final_return for run in own if run.status is not None and run.status.final_return is not None]
    return f"{sum(each > _REACHED for each in returns)} of {len(own)}"


@functools.cache
def _runs() -> tuple[Run, ...]:
    return read_results(REPRODUCTION / "figure_5_dqn" / RESULTS).runs


def _cells(here: Sequence[Run], sparsity: float) -> list[str]:
    of_size = lambda run: any(match["sparsity"] == sparsity for match in run.columns["matches"])
    full = scores_of([run for run in here if run.columns["role"] == "full-dense"])
    small = scores_of([run for run in here if run.columns["role"] == "matched-dense" and of_size(run)])
    rigl = scores_of([run for run in here if run.columns["sparsity"] == sparsity])
    ours, theirs = (scores._replace(tasks=("here",)) for scores in (rigl, small))
    estimate = difference(ours, theirs)
    assert estimate is not None
    assert estimate.ends is not None
    low, high = estimate.ends
    digits = 0 if high - low >= _WIDE else 1
    interval = f"{low:.{digits}f} to {high:.{digits}f}"
    told = f"**{interval}**" if low > 0 or high < 0 else interval
    return [*(_mean(each) for each in (full, small, rigl)), told]


def _mean(scores: RunScores) -> str:
    mean = float(scores.values[0].mean())
    return f"{mean:.{0 if abs(mean) >= _LARGE else 1}f}"
