"""Text: the final returns of every experiment as a table for the terminal, and what is to be known beside it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sparserl import report
from sparserl.cli.output import put
from sparserl.cli.study.summary import broken_off
from sparserl.cli.tables import number, print_table
from sparserl.persistence import several_classes
from sparserl.report.beside_dense import beside_dense, has_sides, in_words
from sparserl.report.cells import swept
from sparserl.report.names import TELLING
from sparserl.report.provenance import PROVENANCE, provenance
from sparserl.report.runs import Run
from sparserl.report.selection import Selection


class RowKey(NamedTuple):
    """What tells one row from another, in the order of the table."""

    environment: str
    agent: str
    method: str
    sparsity: float
    detail: str  # what tells it apart where the rest does not
    experiment_id: str


Rows = Mapping[RowKey, Sequence[Run]]
_MOST_COMPARED = 5_000  # runs, as of figures that take their time


def show(selections: Sequence[Selection]) -> None:
    """Print the final returns of all runs, each of them once, and what is missing of studies."""
    runs = list({run.id: run for selection in selections for run in selection.runs}.values())
    if not runs and not any(selection.missing for selection in selections):
        put("nothing is trained for this: its figures say what networks compute")
        return
    rows = _rows(runs)
    scored = any(_score(*row) is not None for row in rows.items())
    names = ("environment", "experiment", "seeds", "final return", f"95 % {report.METHOD}", "steps/s")
    human = ("human-normalized",) if scored else ()
    print_table((*names, *human), [_row(*row, scored) for row in rows.items()], numbers_from=2)
    if any(report.FEWEST_FOR_INTERVAL <= len(_returns(seeds)) < report.FEW for seeds in rows.values()):
        put(f"\nintervals of fewer than {report.FEW} seeds hold for returns that are about normal")
    for line in _over_games(rows):
        put(line)
    if broken := sum(bool(run.status and run.status.breaks) for run in runs):
        put(f"\n{broken_off(broken)} (num_breaks in their rows)")
    machines = {key.experiment_id: [run.status and run.status.machine for run in seeds] for key, seeds in rows.items()}
    if several := several_classes(machines):
        put(f"\n{several}")
    if len(runs) <= _MOST_COMPARED and has_sides(runs):
        put(f"\nsparse beside dense, by 95 % intervals: {in_words(beside_dense(runs).values())}")
    for selection in selections:
        if selection.missing:
            number_of = f"{len(selection.missing):,} of {len(selection.missing) + len(selection.runs):,} runs"
            put(f"\n{selection.name}@{selection.scale}: {number_of} have no evaluation yet")
    versions = sorted({run.columns["results_version"] for run in runs} - {None})
    put(f"\nresults version: {', '.join(map(str, versions)) or 'unknown'}")


def _rows(runs: Sequence[Run]) -> Rows:
    """The seeds of each experiment, in the order of the table."""
    experiments = {run.id.experiment: {**run.columns, "matches": _size(run)} for run in runs}
    details = report.details(experiments.values(), [name for name in swept(runs) if name not in TELLING])
    seeds: dict[RowKey, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.id):
        columns = experiments[run.id.experiment]
        named = {**columns, "detail": details[report.identity(columns)]}
        seeds.setdefault(RowKey(*(named[name] for name in RowKey._fields)), []).append(run)
    return dict(sorted(seeds.items()))


def _size(run: Run) -> str | None:
    """What a dense network is sized as, in words."""
    last = lambda match: " with a dense last layer" if match["dense_last_layer"] else ""
    words = {f"{100 * match['sparsity']:.4g} %{last(match)}" for match in run.columns["matches"]}
    return f"sized as {', '.join(sorted(words))}" if words else None


def _returns(seeds: Sequence[Run]) -> list[float]:
    """The final returns of the seeds that have finished."""
    return [run.final_return for run in seeds if run.final_return is not None]


def _score(key: RowKey, seeds: Sequence[Run]) -> float | None:
    """The mean final return, human-normalized; None where there is none, or no human score."""
    returns = _returns(seeds)
    return report.human_normalized(key.environment, sum(returns) / len(returns)) if returns else None


def _row(key: RowKey, seeds: Sequence[Run], scored: bool) -> tuple[str, ...]:
    """One row per experiment: the mean final return of its finished seeds."""
    returns = _returns(seeds)
    finished = [
        run for run in seeds if run.final_return is not None or (run.status and run.status.status == "finished")
    ]
    rates = [run.status.environment_steps_per_second for run in finished if run.status]
    known = [rate for rate in rates if rate]
    count = f"{len(finished)}" if len(finished) == len(seeds) else f"{len(finished)} of {len(seeds)}"
    mean = number(sum(returns) / len(returns) if returns else None)
    human = (number(_score(key, seeds)),) if scored else ()
    rate = number(sum(known) / len(known) if known else None, ",.0f")
    return key.environment, _name(key), count, mean, _interval(returns), rate, *human


def _name(key: RowKey) -> str:
    return f"{key.agent} {key.method} {key.sparsity:g} {key.detail}".rstrip()


def _over_games(rows: Rows) -> Iterator[str]:
    """A line for each name and provenance under which several games were trained, in one experiment each."""
    named: dict[str, dict[tuple[Any, ...], list[RowKey]]] = {}
    for key in rows:
        named.setdefault(_name(key), {}).setdefault(provenance(rows[key][0].columns), []).append(key)
    for name, origin, keys in [(name, *each) for name, origins in named.items() for each in origins.items()]:
        pairs = [(key.environment, value) for key in keys for value in _returns(rows[key])]
        games = {environment for environment, _ in pairs}
        score = report.over_games(pairs)
        if score is not None and len(keys) == len(games) > 1:
            told = zip(PROVENANCE, zip(*named[name], strict=True), origin, strict=True)
            of = [f", {column.replace('_', ' ')} {value}" for column, values, value in told if len(set(values)) > 1]
            yield f"\n{name}{''.join(of)}: human-normalized interquartile mean {number(score)} over {len(games)} games"


def _interval(returns: Sequence[float]) -> str:
    if len(returns) < report.FEWEST_FOR_INTERVAL:
        return "-"
    low, high = report.mean_interval(returns)
    return f"{number(float(low))} to {number(float(high))}"
