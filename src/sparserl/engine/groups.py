"""Groups: which runs are trained side by side, in one process, and what the end of that process means for each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from sparserl import persistence
from sparserl.engine.news import News, Remember, Tell
from sparserl.engine.overview import FINAL, State, run_state
from sparserl.engine.retries import Failure
from sparserl.errors import UserError
from sparserl.processes.outcomes import DIVERGED, FINISHED, Outcome

MOST_SEEDS = 16  # side by side

MostAtOnce = Callable[[Sequence[Path]], int]  # how many of these runs of one experiment one process may have
Beside = Mapping[Path, tuple[Path, ...]]  # the run that stands for a group, and the others, even those that are over


def grouped(run_folders: Sequence[Path], most_at_once: MostAtOnce) -> dict[Path, tuple[Path, ...]]:
    """The runs that stand for a group each, with the rest of the group: seeds of one experiment, or a run alone.

    Runs that were begun side by side stay together. Folders are absolute.
    """
    by_experiment: dict[Path, list[Path]] = {}
    for folder in run_folders:
        by_experiment.setdefault(folder.parent, []).append(folder)
    return {lead: others for runs in by_experiment.values() for lead, others in _of_experiment(runs, most_at_once)}


def _of_experiment(runs: Sequence[Path], most_at_once: MostAtOnce) -> Iterable[tuple[Path, tuple[Path, ...]]]:
    begun = {run: _begun_with(run) for run in runs}
    seen: set[Path] = set()
    for run, members in begun.items():
        if members and run not in seen:
            seen |= set(members)
            yield run, tuple(member for member in members if member != run)
    new = [run for run, members in begun.items() if members is None and run not in seen]
    most = min(most_at_once(new), MOST_SEEDS) if len(new) > 1 else 1
    for first in range(0, len(new), most):
        lead, *others = new[first : first + most]
        yield lead, tuple(others)


def _begun_with(run: Path) -> tuple[Path, ...] | None:
    """All runs of the program that a run was begun in, itself included; None where it has not begun."""
    try:
        status = persistence.read_status(run)
    except UserError:
        return None
    seeds = persistence.seeds_of(status.layout) if status else ()
    members = tuple(run.with_name(persistence.seed_folder(seed)) for seed in seeds)
    if run in members and len(members) <= MOST_SEEDS:
        return members
    return (run,) if persistence.has_generations(run) else None


def together(beside: Beside, run_folders: Sequence[Path]) -> dict[Path, list[Path]]:
    """The runs of each group that were asked for, the one that stands for it first; none for runs alone."""
    asked = set(run_folders)
    return {lead: [run for run in (lead, *others) if run in asked] for lead, others in beside.items() if others}


def state_of_all(runs: Sequence[Path], lease_seconds: float) -> State:
    """The state of a group: running if any of its runs is, else the first state that is not final, else a final one."""
    states = [run_state(str(run), lease_seconds).state for run in runs]
    if "running" in states:
        return "running"
    return next((state for state in states if state not in FINAL), states[0])


def outcome_of(run: Path, outcome: Outcome) -> Outcome:
    """What the end of its group's process means for one run: its own status tells."""
    own = run_state(str(run))
    if own.state in FINAL:
        status, steps = FINISHED if own.state == "finished" else DIVERGED, own.environment_steps
        return Outcome(run, FINAL[own.state], status, own.message, steps, outcome.worker)
    message = own.message if own.state == "failed" and own.message else outcome.message
    return outcome._replace(run_folder=run, message=message)


def spread(tell: Tell, groups: Mapping[Path, Sequence[Path]]) -> Tell:
    """A `tell` that gives every run of a group the news of that group; progress is each run's own already."""

    def told(news: News) -> None:
        runs = groups.get(news.run_folder, ())
        if news.kind == "progress" or not runs:
            tell(news)
            return
        for run in runs:
            outcome = news.outcome and outcome_of(run, news.outcome)
            if news.kind != "retry" or outcome is None or outcome.ending not in FINAL:
                tell(news._replace(run_folder=run, outcome=outcome))

    return told


def remembered(remember: Remember, groups: Mapping[Path, Sequence[Path]]) -> Remember:
    """A `remember` that notes what a group fails at for each of its runs."""

    def kept(run: Path, failures: Sequence[Failure]) -> None:
        for each in groups.get(run, (run,)):
            remember(each, failures)

    return kept
