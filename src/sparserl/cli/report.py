"""`sparserl report`: the learning curves and final returns of every experiment in a directory."""

import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
import tyro

from sparserl import persistence, report
from sparserl.cli.arguments import parse
from sparserl.cli.output import put
from sparserl.cli.study.summary import broken_off
from sparserl.cli.tables import number, print_table
from sparserl.persistence.studies import parsed_name, stored, stored_names
from sparserl.processes import places
from sparserl.processes.homes import at_home
from sparserl.types import UserError

_DESCRIPTION = """Draw the learning curves of every experiment in a results directory, and list the final returns.

example:
  sparserl report results"""


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of `report`."""

    directory: Annotated[
        tyro.conf.Positional[str], tyro.conf.arg(metavar="DIR", help="A results directory, or one experiment in it.")
    ] = ""
    output: Annotated[Path | None, tyro.conf.arg(help="Where learning_curves.png goes; none: into DIR.")] = None


def main(words: Sequence[str]) -> int:
    """Report what `words` name."""
    options = parse(Options(), words, "sparserl report", _DESCRIPTION)
    if not options.directory:
        raise UserError("DIR is missing: name a results directory, as in sparserl report results")
    directory = at_home(options.directory)
    places.ensure_temporary(options.output or directory)
    runs = persistence.evaluated_runs(directory)
    rows = _evaluations(directory, runs)
    finals = _finals(rows, {stored.run: stored.folder for stored in runs})
    scored = any(_score(*final) is not None for final in finals.items())
    names = ("environment", "experiment", "seeds", "final return", f"95 % {report.METHOD}", "steps/s")
    human = ("human-normalized",) if scored else ()
    print_table((*names, *human), [_row(*final, scored) for final in finals.items()], numbers_from=2)
    if any(report.FEWEST_FOR_INTERVAL <= len(_returns(statuses)) < report.FEW for statuses in finals.values()):
        put(f"\nintervals of fewer than {report.FEW} seeds hold for returns that are about normal")
    for line in _over_games(finals):
        put(line)
    if broken := sum(bool(status and status.breaks) for statuses in finals.values() for status in statuses):
        put(f"\n{broken_off(broken)} (num_breaks in their rows)")
    machines = {key.experiment_id: [each and each.machine for each in statuses] for key, statuses in finals.items()}
    if several := persistence.several_classes(machines):
        put(f"\n{several}")
    versions = sorted({row["results_version"] for row in rows if row["results_version"] is not None})
    put(f"\nresults version: {', '.join(map(str, versions)) or 'unknown'}")
    put(f"learning curves: {_drawn(rows, directory, options.output)}")
    return 0


def _drawn(rows: Sequence[dict[str, Any]], directory: Path, output: Path | None) -> str:
    """Where the curves are or, where the directory cannot be written and nobody asked for another, why they are not."""
    try:
        return str(report.learning_curves(rows, (output or directory) / "learning_curves.png"))
    except UserError as error:
        if output is not None:
            raise
        return f"not drawn: {error}; --output DIR draws them elsewhere"


def _evaluations(directory: Path, runs: Sequence[persistence.StoredRun]) -> list[dict[str, Any]]:
    """All evaluations, with the sizes that an earlier version left out, and what dense networks match in studies."""
    table = pa.concat_tables([stored.rows for stored in runs])
    if table["parameters"].null_count:
        from sparserl.experiment import with_facts  # JAX takes its time to import

        table = with_facts(table, directory)
    matches = _matches(directory)
    rows: list[dict[str, Any]] = [{**row, "matches": matches.get(row["experiment_id"])} for row in table.to_pylist()]
    return rows


def _matches(directory: Path) -> dict[str, str]:
    """The size of each dense network in words, by experiment; a study that cannot be read says nothing."""
    sizes: dict[str, set[str]] = {}
    for plain, scale, preset in map(parsed_name, stored_names(directory)):
        with contextlib.suppress(UserError):
            for experiment in stored(directory, plain, scale, preset).experiments:
                for match in experiment.matches:
                    last = " with a dense last layer" if match["dense_last_layer"] else ""
                    sizes.setdefault(experiment.identifier, set()).add(f"{100 * match['sparsity']:.4g} %{last}")
    return {identifier: f"sized as {', '.join(sorted(words))}" for identifier, words in sizes.items()}


class RowKey(NamedTuple):
    """What tells one row from another, in the order of the table."""

    environment: str
    agent: str
    method: str
    sparsity: float
    detail: str  # what tells it apart where the rest does not
    experiment_id: str


Finals = dict[RowKey, list[persistence.Status | None]]  # the status of each seed


def _finals(evaluations: Sequence[dict[str, Any]], folders: Mapping[persistence.RunId, Path]) -> Finals:
    """How each seed of every experiment ended."""
    seeds: dict[RowKey, set[int]] = {}
    details = report.details(evaluations)
    for row in evaluations:
        named = {**row, "detail": details[report.identity(row)]}
        seeds.setdefault(RowKey(*(named[name] for name in RowKey._fields)), set()).add(row["seed"])
    read = lambda key, seed: persistence.read_status(folders[persistence.RunId(key.experiment_id, seed)])
    return {key: [read(key, seed) for seed in numbers] for key, numbers in sorted(seeds.items())}


def _returns(statuses: Iterable[persistence.Status | None]) -> list[float]:
    """The final returns of the seeds that have finished."""
    finished = [status for status in statuses if status is not None and status.status == "finished"]
    return [status.final_return for status in finished if status.final_return is not None]


def _score(key: RowKey, statuses: Sequence[persistence.Status | None]) -> float | None:
    """The mean final return, human-normalized; None where there is none, or no human score."""
    returns = _returns(statuses)
    return report.human_normalized(key.environment, sum(returns) / len(returns)) if returns else None


def _row(key: RowKey, statuses: Sequence[persistence.Status | None], scored: bool) -> tuple[str, ...]:
    """One row per experiment: the mean final return of its finished seeds."""
    finished = [status for status in statuses if status is not None and status.status == "finished"]
    returns = _returns(statuses)
    rates = [status.environment_steps_per_second for status in finished if status.environment_steps_per_second]
    count = f"{len(finished)}" if len(finished) == len(statuses) else f"{len(finished)} of {len(statuses)}"
    mean = number(sum(returns) / len(returns) if returns else None)
    rate = number(sum(rates) / len(rates) if rates else None, ",.0f")
    human = (number(_score(key, statuses)),) if scored else ()
    return key.environment, _name(key), count, mean, _interval(returns), rate, *human


def _name(key: RowKey) -> str:
    return f"{key.agent} {key.method} {key.sparsity:g} {key.detail}".rstrip()


def _over_games(finals: Finals) -> Iterator[str]:
    """A line for each name under which several games were trained, in one experiment each."""
    named: dict[str, list[RowKey]] = {}
    for key in finals:
        named.setdefault(_name(key), []).append(key)
    for name, keys in named.items():
        pairs = [(key.environment, value) for key in keys for value in _returns(finals[key])]
        games = {environment for environment, _ in pairs}
        score = report.over_games(pairs)
        if score is not None and len(keys) == len(games) > 1:
            yield f"\n{name}: human-normalized interquartile mean {number(score)} over {len(games)} games"


def _interval(returns: Sequence[float]) -> str:
    if len(returns) < report.FEWEST_FOR_INTERVAL:
        return "-"
    low, high = report.mean_interval(returns)
    return f"{number(float(low))} to {number(float(high))}"
