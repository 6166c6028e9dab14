"""Notes: what stands on a figure beside its marks, so that nobody reads more out of it than is in it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sparserl.persistence import RunId, StoredExperiment
from sparserl.report.figures.named_lines import Line
from sparserl.report.figures.points import Measure
from sparserl.report.figures.specs import Spec
from sparserl.report.figures.words import printable, significant, value_label
from sparserl.report.normalization import Normalization
from sparserl.report.provenance import PROVENANCE
from sparserl.report.statistics import FEW, few_seeds_warning

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection

_MOST = 3  # of one kind that a note lists
_MOST_DIVISORS = 16


def missing_runs(selection: "Selection", spec: Spec) -> Iterator[str]:
    """What the figure was to show and has no evaluation of."""
    shown = set(spec.experiments)
    missing = [run for run in selection.missing if not shown or run.experiment in shown]
    if not missing:
        return
    planned = len(missing) + sum(not shown or run.id.experiment in shown for run in selection.runs)
    known = {each.identifier: each for each in selection.experiments}
    by_name: dict[str, list[RunId]] = {}
    for run in missing:
        by_name.setdefault(_name(known.get(run.experiment), run.experiment), []).append(run)
    told = [f"{name} ({_seeds(each)})" for name, each in by_name.items()]
    yield f"missing: {len(missing)} of {planned} runs, {listed(told)}"


def few_seeds(counts: Iterable[int]) -> Iterator[str]:
    """What few seeds behind a mark mean; `counts` are those of all marks."""
    there = sorted({count for count in counts if count})
    if there and there[0] < FEW:
        span = f"{there[0]} to {there[-1]} seeds a mark. " if len(there) > 1 else ""
        yield f"{span}{few_seeds_warning(there[0])}"


def left_out(runs: Iterable["Run"]) -> Iterator[str]:
    """Runs that have diverged, or not finished yet: they have no final return."""
    every = {run.id: run for run in runs}
    without, num_runs = {name: run for name, run in every.items() if run.final_return is None}, len(every)
    diverged = sum(run.status is not None and run.status.status == "diverged" for run in without.values())
    if diverged:
        yield f"diverged, hence without a final return, left out: {diverged} of {num_runs} runs"
    if unfinished := len(without) - diverged:
        yield f"not finished, hence without a final return, left out: {unfinished} of {num_runs} runs"


def mixtures(runs_by_line: Mapping[Line, Sequence["Run"]]) -> Iterator[str]:
    """Lines whose marks come from runs that are not alike in what no figure may pool silently."""
    for column, words in PROVENANCE.items():
        mixed = {}
        for line, runs in runs_by_line.items():
            values = sorted({value_label(column, run.columns.get(column)) for run in runs})
            if len(values) > 1:
                mixed[line.label] = values
        for label, values in list(mixed.items())[:_MOST]:
            yield f"{printable(label)}: marks come from several {words}, {listed(values)}"


def normalized(measure: Measure, runs: Iterable["Run"]) -> Iterator[str]:
    """What returns were divided by, and those that could not be."""
    known, runs = measure.normalizations, tuple(runs)
    used = dict.fromkeys((run.columns.get("environment"), known.get(run.id.experiment)) for run in runs)
    pairs = [(name, each) for name, each in used if each is not None]
    if any(each.kind == "human" and each.one is not None for _, each in pairs):
        yield "normalized: 0 is a random player's score, 1 a human one's"
    if divided := _divisors(known, runs):
        yield f"normalized: divided by the mean return of full dense networks ({listed(divided, _MOST_DIVISORS)})"
    between = {
        f"{printable(str(name))} {each.zero:g} to {each.one:g}" for name, each in pairs if each.kind == "min-max"
    }
    if between:
        yield f"normalized: 0 and 1 are ends of a known range of returns ({listed(sorted(between), _MOST_DIVISORS)})"
    if problems := list(dict.fromkeys(each.problem for _, each in pairs if each.problem)):
        yield f"left out, as they have no normalized return: {listed(problems)}"


def _divisors(known: Mapping[str, Normalization], runs: Sequence["Run"]) -> list[str]:
    """Each environment and what returns were divided by; of which agent and network where that is several numbers, and
    whose it is where it is another's.
    """
    told: dict[str, dict[float, str]] = {}
    others: dict[tuple[str, float], str] = {}
    for run in runs:
        each = known.get(run.id.experiment)
        if each is not None and each.kind == "dense" and each.one:
            names = (value_label(column, run.columns.get(column)) for column in ("agent", "network_kind"))
            environment = printable(str(run.columns.get("environment")))
            told.setdefault(environment, {})[each.one] = ", ".join(names)
            if each.reference:
                others[environment, each.one] = each.reference
    whose = lambda environment, one: (
        others.get((environment, one)) or (told[environment][one] if len(told[environment]) > 1 else "")
    )
    return [
        f"{', '.join(filter(None, (environment, whose(environment, one))))} {significant(one)}"
        for environment, ones in told.items()
        for one in ones
    ]


def problems(selection: "Selection") -> Iterator[str]:
    """What could not be read."""
    if selection.problems:
        yield f"not read: {listed([printable(problem) for problem in selection.problems], 1)}"


def listed(words: Sequence[str], most: int = _MOST) -> str:
    """The first ones, and how many more there are."""
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return "; ".join(words[:most]) + rest


def _name(experiment: StoredExperiment | None, identifier: str) -> str:
    if experiment is None:
        return printable(identifier)
    where = f"on {printable(experiment.environment)}"
    if experiment.matches:
        sparsities = " and ".join(sorted({value_label("sparsity", match["sparsity"]) for match in experiment.matches}))
        return f"dense as {sparsities} {where}"
    sparsity = f" {value_label('sparsity', experiment.sparsity)}" if experiment.sparsity else ""
    return f"{value_label('method', experiment.method)}{sparsity} {where}"


def _seeds(runs: Sequence[RunId]) -> str:
    num_experiments, numbers = len({run.experiment for run in runs}), sorted({run.seed for run in runs})
    if num_experiments > 1:
        return f"{len(runs)} runs of {num_experiments} experiments"
    if len(numbers) == 1:
        return f"seed {numbers[0]}"
    whole = numbers == list(range(numbers[0], numbers[-1] + 1))
    return f"seeds {numbers[0]} to {numbers[-1]}" if whole else f"seeds {', '.join(map(str, numbers))}"
