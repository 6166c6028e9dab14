"""Wording: how sentences about runs name sparsities, methods, choices and what stands behind a number."""

from collections.abc import Sequence

from sparserl.report.runs import Run
from sparserl.report.statistics import Estimate
from sparserl.report.style import method_name


def in_percent(sparsity: float) -> str:
    """`90 %`."""
    return f"{100 * sparsity:.4g} %"


def named(method: str) -> str:
    """A method as a reader knows it, within a sentence."""
    return {"prune": "pruning", "static": "static", "dense": "dense"}.get(method, method_name(method))


def counts(estimate: Estimate, runs: Sequence[Run]) -> str:
    """`10 seeds, 5 environments`."""
    fewest, most = estimate.num_seeds
    seeds = f"{most} seed{'s' * (most > 1)}" if fewest == most else f"{fewest} to {most} seeds"
    places = (
        "environments" if estimate.num_tasks == len({run.columns["environment"] for run in runs}) else "experiments"
    )
    tasks = f", {estimate.num_tasks} {places}" if estimate.num_tasks > 1 else ""
    return seeds + tasks + (f", {estimate.num_diverged} diverged and left out" if estimate.num_diverged else "")


def choices_in_words(names: Sequence[str], run: Run) -> str:
    """`drop fraction 0.3 and weight decay 0.0001`."""
    return " and ".join(f"{_choice(name)} {_value(run.columns.get(name))}" for name in names if name in run.columns)


def _choice(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
