"""Experiments trained from Python: each seed in a process of its own, stored as by `sparserl train`, never twice."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sparserl import engine, modules, persistence
from sparserl.engine import cluster
from sparserl.engine.news import News
from sparserl.engine.overview import FINAL, run_state
from sparserl.engine.retries import Retries
from sparserl.engine.settings import Settings
from sparserl.errors import DiskFull, UserError
from sparserl.experiment import LARGEST_SEED, Experiment, canonical
from sparserl.experiment.setting import check_number
from sparserl.persistence import RunId
from sparserl.presets import PresetName
from sparserl.processes import places
from sparserl.processes.cores import refuse_without_gpu
from sparserl.processes.outcomes import NO_ROOM, WRONG, Outcome
from sparserl.study import recording
from sparserl.study.grids import checked
from sparserl.study.machine import make_writable
from sparserl.study.storing import experiment_document
from sparserl.study.studies import check_preset
from sparserl.worker.side_by_side import most_at_once

_SETTINGS, _RETRIES = Settings(), Retries()
_NOT_FINITE = "its return is not finite"


class SeedResult(NamedTuple):
    """How one seed of an experiment has ended.

    final_return: the mean over the last part of its evaluations, as reports have it; None unless it has finished, and
    where that is not finite.
    message: why it has not, in one line.
    """

    seed: int
    folder: Path
    ending: Literal["finished", "diverged", "failed"]
    final_return: float | None
    message: str = ""


class Trained(NamedTuple):
    """An experiment as it was trained, planned, and each of its seeds in the order in which they were asked for."""

    experiment: Experiment
    folder: Path
    seeds: tuple[SeedResult, ...]

    @property
    def final_returns(self) -> dict[int, float | None]:
        """By seed, as `report.statistics.run_scores` takes those of a task; None of a seed that has not finished."""
        return {each.seed: each.final_return for each in self.seeds}

    @property
    def problem(self) -> str | None:
        """The first seed without a return, and why; None where all have one."""
        lacking = (each for each in self.seeds if each.final_return is None)
        return next((f"seed {each.seed} has {each.ending}: {each.message or _NOT_FINITE}" for each in lacking), None)


def train(
    experiments: Iterable[Experiment],
    seeds: Iterable[int] = (0,),
    output: str | Path = "results",
    *,
    preset: PresetName | None = None,
    diagnostics: bool = False,
    tell: Callable[[News], None] = lambda news: None,
    scheduler: str | None = None,
    num_workers: int | None = None,
    settings: Settings = _SETTINGS,
    retries: Retries = _RETRIES,
) -> tuple[Trained, ...]:
    """Train every seed of every experiment into the results directory `output`, and return how each has ended.

    What has finished or diverged there is not trained again, what was stopped or killed goes on where it was, to the
    same bits, and what has failed is tried again. As many at once as there are cores, or as the Dask cluster at
    `scheduler` works on. preset: the table that all experiments come from, if it is one; it is stored with the results,
    and no part of their identity. tell: called in this thread with all that happens. Equal experiments share runs.

    A seed that diverges or fails leaves the others alone. Ctrl-C raises KeyboardInterrupt once all workers have stored
    what they have. Raises UserError before anything is trained for what cannot be, and, when all is over, for runs that
    could not be gone on with, as on another class of machine; DiskFull where a disk was; `engine.ClusterLost`.
    """
    seeds, output = _seeds(seeds), persistence.at_home(output)
    for name, value, kind in (("settings", settings, Settings), ("retries", retries, Retries)):
        if not isinstance(value, kind):
            raise UserError(f"it takes sparserl.engine's {kind.__name__}(...)", field=name, value=value)
    if num_workers is not None:
        check_number("num_workers", num_workers, 1, LARGEST_SEED)
    planned = _planned(experiments, settings.gpu)
    check_preset(preset)
    if settings.gpu:
        refuse_without_gpu()
    for experiment in dict.fromkeys(planned):
        persistence.plan_experiment(output, experiment.identifier, experiment_document(experiment, preset))
    places.ensure_temporary(output)
    runs = {RunId(each.identifier, seed).folder(output): None for each in planned for seed in seeds}
    for run in runs:
        persistence.check_run(run)
    waiting = [run for run in runs if _is_open(run)]
    outcomes: dict[Path, Outcome] = {}
    if waiting:
        if diagnostics:
            recording.ask(waiting)
        settings = dataclasses.replace(settings, module_folders=settings.module_folders or modules.folders())
        outcomes = _work(waiting, output, scheduler, num_workers, settings, retries, tell)
    return tuple(_trained(experiment, seeds, output, outcomes) for experiment in planned)


def _planned(experiments: Any, gpu: bool) -> list[Experiment]:
    """Each as it is stored, once it is sure that it can be run here; gpu: auto means masked kernels there."""
    if not isinstance(experiments, Iterable):
        raise UserError(
            f"it is of type {type(experiments).__name__}: give several, as in [experiment]", field="experiments"
        )
    planned = []
    for index, experiment in enumerate(experiments):
        where = f"experiments[{index}]"
        if not isinstance(experiment, Experiment):
            raise UserError(f"it is of type {type(experiment).__name__}, and must be an Experiment", field=where)
        if gpu and experiment.storage == "auto":
            experiment = dataclasses.replace(experiment, storage="masked")
        try:
            planned.append(checked(canonical(experiment)))
        except UserError as error:
            error.locate(where)
            raise
    return planned


def _seeds(seeds: Any) -> tuple[int, ...]:
    if isinstance(seeds, str | bytes) or not isinstance(seeds, Iterable):
        raise UserError("give several, as in range(5)", field="seeds", value=seeds)
    known = tuple(check_number(f"seeds[{index}]", seed, 0, LARGEST_SEED) for index, seed in enumerate(seeds))
    if not known:
        raise UserError("give at least one, as in range(5)", field="seeds", value=seeds)
    if twice := [seed for seed in known if known.count(seed) > 1]:
        raise UserError(f"it holds {twice[0]} twice", field="seeds", value=seeds)
    return known


def _is_open(run: Path) -> bool:
    """Whether a run is left to do: neither a result, nor one that was killed before it had tidied up."""
    state = run_state(str(run)).state
    return not persistence.is_tidy(run) if state == "finished" else state not in FINAL


def _work(
    runs: Sequence[Path],
    output: Path,
    scheduler: str | None,
    num_workers: int | None,
    settings: Settings,
    retries: Retries,
    tell: Callable[[News], None],
) -> dict[Path, Outcome]:
    """How each run has ended. Raises UserError where that says nothing of the run itself."""
    for run in runs:
        make_writable(run)
    beside = most_at_once if settings.gpu else None
    with cluster.connected(scheduler, num_workers, settings.gpu) as client:
        if scheduler is not None:
            cluster.check_workers(client, output)
        outcomes = engine.run(client, runs, settings, retries, tell, most_at_once=beside)
    for outcome in outcomes:
        if outcome.exit_status in (WRONG, NO_ROOM) and outcome.ending not in FINAL:
            kind = DiskFull if outcome.exit_status == NO_ROOM else UserError
            raise kind(f"{RunId.of(outcome.run_folder)}: {outcome.message.removeprefix('sparserl: ')}")
    return dict(zip(runs, outcomes, strict=True))


def _trained(experiment: Experiment, seeds: Sequence[int], output: Path, outcomes: dict[Path, Outcome]) -> Trained:
    runs = {seed: RunId(experiment.identifier, seed).folder(output) for seed in seeds}
    results = [_result(seed, run, outcomes.get(run)) for seed, run in runs.items()]
    return Trained(experiment, output / experiment.identifier, tuple(results))


def _result(seed: int, run: Path, outcome: Outcome | None) -> SeedResult:
    """By what is stored; where that says less than the run's process did, by that."""
    stored = run_state(str(run))
    if stored.state == "finished":
        return SeedResult(seed, run, "finished", stored.final_return)
    message = stored.message or (outcome.message if outcome else "")
    return SeedResult(seed, run, "diverged" if stored.state == "diverged" else "failed", None, message)
