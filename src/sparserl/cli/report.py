"""`sparserl report`: the learning curves and final returns of every experiment in a directory."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from sparserl import persistence, report
from sparserl.cli.arguments import parse
from sparserl.cli.tables import number, print_table
from sparserl.types import UserError

_DESCRIPTION = """Draw the learning curves of every experiment in a results directory, and list the final returns.

example:
  sparserl report results"""


@dataclasses.dataclass(frozen=True)
class Options:
    """What `report` is told."""

    directory: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="DIR", help="A results directory, or one experiment in it.")
    ] = ""
    output: Annotated[Path | None, tyro.conf.arg(help="Where learning_curves.png goes; none: into DIR.")] = None


def main(words: Sequence[str]) -> int:
    """Report what `words` name."""
    options = parse(Options(), words, "sparserl report", _DESCRIPTION)
    if not options.directory:
        raise UserError("DIR is missing: name a results directory, as in sparserl report results")
    directory = Path(options.directory)
    table = persistence.read_evaluations(directory)
    figure = report.learning_curves(table, (options.output or directory) / "learning_curves.png")
    names = ("environment", "experiment", "seeds", "final return", "95 % interval", "steps/s")
    print_table(names, _rows(directory, table.to_pylist()), numbers_from=2)
    print(f"\nlearning curves: {figure}")
    return 0


def _rows(directory: Path, evaluations: Iterable[dict[str, Any]]) -> list[tuple[str, ...]]:
    """One row per experiment: the mean final return of its finished seeds."""
    seeds: dict[tuple[Any, ...], set[int]] = {}
    for row in evaluations:
        key = tuple(row[name] for name in ("environment", "agent", "method", "sparsity", "experiment_id"))
        seeds.setdefault(key, set()).add(row["seed"])
    return [_row(directory, key, numbers) for key, numbers in sorted(seeds.items())]


def _row(directory: Path, key: tuple[Any, ...], seeds: Iterable[int]) -> tuple[str, ...]:
    environment, agent, method, sparsity, identifier = key
    statuses = [persistence.read_status(_run(directory, identifier, seed)) for seed in seeds]
    finished = [status for status in statuses if status is not None and status.status == "finished"]
    returns = [status.final_return for status in finished if status.final_return is not None]
    rates = [status.environment_steps_per_second for status in finished if status.environment_steps_per_second]
    count = f"{len(finished)}" if len(finished) == len(statuses) else f"{len(finished)} of {len(statuses)}"
    mean = number(sum(returns) / len(returns) if returns else None)
    rate = number(sum(rates) / len(rates) if rates else None, ",.0f")
    return environment, f"{agent} {method} {sparsity:g}", count, mean, _interval(returns), rate


def _run(directory: Path, identifier: str, seed: int) -> Path:
    """A run's folder, whether `directory` holds experiments, is one, or is the run itself."""
    name = f"seed={seed}"
    places = (directory / identifier / name, directory / name, directory)
    return next(place for place in places if (place / "evaluations.parquet").exists())


def _interval(returns: Sequence[float]) -> str:
    if len(returns) < 3:
        return "-"
    low, high = report.bootstrap_interval(returns, seed=0)
    return f"{number(float(low))} to {number(float(high))}"
