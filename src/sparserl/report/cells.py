"""Cells: experiments that differ in what is compared and in nothing else, so that nothing is pooled wrongly."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sparserl.report.roles import MATCHED, OTHER, SPARSE
from sparserl.report.runs import Run
from sparserl.report.statistics import RunScores, Treatment, run_scores

Value = Callable[[Run], float | None]
Columns = Mapping[str, Any]
_SPARSE_NETWORK = ("sparsity", "distribution", "dense_last_layer")
_NAMED = ("agent", "network_kind", "environment", "method", "role", *_SPARSE_NETWORK)
_WIDTHS = ("network.hidden_units", "network.width", "critic_hidden_units")
STORED = ("storage", "compressed_layers")  # how, not what: dense networks have nothing to compress
FOLLOWS = ("experiment_id", "seed", "matches", "parameters", "live_parameters", "macs", "live_macs", "randomness")


class MatchedScores(NamedTuple):
    """Scores of two kinds of runs in the cells that both have; a task is a cell."""

    ours: RunScores
    theirs: RunScores
    missing: tuple[str, ...]  # what one side lacks, or what could not be matched, in words


def final_return(run: Run) -> float | None:
    """The return that runs are compared by."""
    return run.final_return


def scores_of(runs: Iterable[Run], value: Value = final_return, treatment: Treatment = "excluded") -> RunScores:
    """One score for each run, an experiment being a task; runs that have neither ended nor diverged are left out."""
    return run_scores(_by_seed(experiments_of(runs), value), treatment)


def scores_by(
    runs: Iterable[Run], key: Callable[[Run], str], value: Value = final_return, treatment: Treatment = "excluded"
) -> RunScores:
    """The scores of runs whose task has this key; keys that several experiments have are left out, never pooled."""
    by_key: dict[str, dict[str, list[Run]]] = {}
    for name, own in experiments_of(runs).items():
        by_key.setdefault(key(own[0]), {})[name] = own
    single = {task: next(iter(by_name.values())) for task, by_name in by_key.items() if len(by_name) == 1}
    return run_scores(_by_seed(single, value), treatment)


def experiments_of(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The runs by experiment."""
    gathered: dict[str, list[Run]] = {}
    for run in runs:
        gathered.setdefault(run.id.experiment, []).append(run)
    return gathered


def has_diverged(run: Run) -> bool:
    """Whether its training is over because it was no longer finite."""
    return run.status is not None and run.status.status == "diverged"


def swept(runs: Sequence[Run]) -> tuple[str, ...]:
    """The choices in which experiments differ that are otherwise alike: same method, network, sparsity and so on."""
    alike: dict[tuple[Any, ...], list[Columns]] = {}
    for run in {run.id.experiment: run for run in runs}.values():
        key = *(run.columns.get(name) for name in _NAMED), _matched(run.columns)
        alike.setdefault(key, []).append(run.columns)
    names: dict[str, None] = {}
    for group in alike.values():
        every = dict.fromkeys(name for columns in group for name in columns if name not in (*_NAMED, *FOLLOWS, *STORED))
        names |= {name: None for name in every if any(_choice(each, name) != _choice(group[0], name) for each in group)}
    return tuple(names)


def agree(here: Columns, there: Columns, among: Iterable[str]) -> bool:
    """Whether two experiments have the same of these choices, where both have them.

    Widths of a dense network that is not of full size are not compared: its size is what it is there for.
    """
    sized = {here.get("role"), there.get("role")} & {MATCHED, OTHER}
    names = [name for name in among if name in here and name in there and not (sized and name in _WIDTHS)]
    return all(_choice(here, name) == _choice(there, name) for name in names)


def _choice(columns: Columns, name: str) -> Any:
    """The value of a choice; an actor's share is one only where parameters are shared out, and a fact elsewhere."""
    return None if name == "actor_share" and columns.get("budget") is None else columns.get(name)


def matched(
    ours: Iterable[Run],
    theirs: Iterable[Run],
    among: Sequence[str],
    value: Value = final_return,
    but: Sequence[str] = (),
    treatment: Treatment = "excluded",
) -> MatchedScores:
    """The scores of both in cells that each has exactly one experiment of.

    `among` are the choices in which experiments of a cell must agree where both have them, as `swept` gives them;
    `but` are those that are compared, sparsity and distribution among them where they are. A sparse network goes with
    the dense one of as many parameters, or of full size, as `theirs` has it.
    """
    here, there = experiments_of(ours), experiments_of(theirs)
    check = [name for name in among if name not in but]
    fits = {name: [other for other in there if _fits(here[name][0], there[other][0], check, but)] for name in here}
    users: dict[str, list[str]] = {}
    for name, others in fits.items():
        for other in others:
            users.setdefault(other, []).append(name)
    pairs = {name: others[0] for name, others in fits.items() if len(others) == 1 and len(users[others[0]]) == 1}
    missing = [_lack(runs[0], fits[name]) for name, runs in here.items() if name not in pairs]
    taken = {*pairs.values()}
    missing += [
        _lack(runs[0], users.get(other, []))
        for other, runs in there.items()
        if other not in taken and runs[0].columns["method"] != "dense"
    ]
    our_runs = {name: here[name] for name in pairs}
    their_runs = {name: there[other] for name, other in pairs.items()}
    sides = [run_scores(_by_seed(runs, value), treatment) for runs in (our_runs, their_runs)]
    return MatchedScores(sides[0], sides[1], tuple(missing))


def _by_seed(runs: Mapping[str, Sequence[Run]], value: Value) -> dict[str, dict[int, float | None]]:
    return {
        task: {
            run.id.seed: None if has_diverged(run) else score
            for run in every
            for score in (value(run),)
            if score is not None or has_diverged(run)
        }
        for task, every in runs.items()
    }


def _fits(our: Run, their: Run, check: Sequence[str], but: Sequence[str]) -> bool:
    """Whether two experiments are of one cell."""
    here, there = our.columns, their.columns
    if any(here.get(name) != there.get(name) for name in ("agent", "network_kind", "environment") if name not in but):
        return False
    if not agree(here, there, check):
        return False
    roles = here.get("role"), there.get("role")
    network = tuple(None if name in but else here.get(name) for name in _SPARSE_NETWORK)
    if roles == (SPARSE, MATCHED):
        return any(_same(network, match) for match in _matched(there))
    if roles == (SPARSE, SPARSE):
        return _same(network, tuple(there.get(name) for name in _SPARSE_NETWORK))
    return True


def _same(network: Sequence[Any], other: Sequence[Any]) -> bool:
    return all(mine is None or mine == its for mine, its in zip(network, other, strict=True))


def _matched(columns: Columns) -> tuple[tuple[Any, ...], ...]:
    """The sparse networks that a dense one stands for."""
    return tuple(sorted(tuple(match.get(name) for name in _SPARSE_NETWORK) for match in columns.get("matches") or ()))


def _lack(run: Run, others: Sequence[str]) -> str:
    """What is missing beside an experiment."""
    columns = run.columns
    of = f"{columns['method']}" + (f" {100 * columns['sparsity']:.4g} %" if columns["sparsity"] else "")
    what = f"{len(others)} experiments that differ in other choices" if others else "none to compare with"
    return f"{columns['environment']}, {of}: {what}"
