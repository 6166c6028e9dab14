"""Working on a stored study: what `run`, `resume` and `retry` have in common."""

import dataclasses
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sparserl import engine, persistence, sinks
from sparserl.cli import DONE, FAILED, INTERRUPTED, goings_on
from sparserl.cli.arguments import in_options, options_of
from sparserl.cli.output import put
from sparserl.cli.report.writing import written_after
from sparserl.cli.study import evaluating, noise
from sparserl.cli.study.options import WorkOptions
from sparserl.cli.study.progress import shown
from sparserl.cli.study.summary import document, show, told, without_diagnostics
from sparserl.engine import cluster
from sparserl.engine.failures import Failures, write_failures
from sparserl.engine.overview import FINAL, RunState, counts, overview
from sparserl.engine.retries import Failure, Retries, gives_up, lasting
from sparserl.errors import UserError
from sparserl.experiment import RESULTS_VERSION
from sparserl.persistence import RunId
from sparserl.persistence.studies import StoredStudy, renamed_experiments
from sparserl.processes import places
from sparserl.seen import seen
from sparserl.study import recording
from sparserl.worker.side_by_side import most_at_once

_MOST_LINES = 10  # of runs that a stop has cost something
_SECONDS_BETWEEN_WRITES = 2.0  # of failures; those of the last seconds before a power cut are retried once more


def work(
    stored: StoredStudy, options: WorkOptions, failures: Failures, costs: Mapping[str, str] = MappingProxyType({})
) -> int:
    """Work through the runs of a study that this process has claimed, and show the outcome.

    costs: what is known of stops, by environment, before any run has begun.
    """
    directory, retries = options.output.absolute(), Retries()
    places.ensure_temporary(directory)
    failures = {run: left for run, known in failures.items() if (left := lasting(known))}
    runs = [run.folder(directory) for run in stored.runs]
    wanted = [run for run in runs if run.parent.name in stored.diagnosed]
    if options.rerun_without_diagnostics:
        for run in _set_aside(wanted):
            failures.pop(str(RunId.of(run)), None)
    if num_lacking := len(recording.lacking(wanted)):
        _tell(without_diagnostics(num_lacking))
    states = overview(runs)
    open_runs = [Path(state.run_folder) for state in states if _is_open(state, failures, retries)]
    _refuse_without_experiment(stored, open_runs)
    _refuse_earlier(open_runs)
    ledger = _Ledger(stored.folder, failures)
    try:
        if open_runs:
            recording.ask(run for run in open_runs if run.parent.name in stored.diagnosed)
            for line in costs.values():
                _tell(f"sparserl: {line}")
            _work(stored, options, open_runs, states, ledger, retries, goings_on.Notices(costs.values()))
        noisy_runs = noise.open_runs(stored, overview(runs), failures, retries) if stored.observation_noise else []
        if noisy_runs:
            _evaluate_under_noise(stored, options, noisy_runs, ledger, retries)
        if not open_runs and not noisy_runs:
            _tell(f"nothing to do: {told(counts(states), len(states))}")
    except KeyboardInterrupt:
        _report(stored, options)
        return _stopped(stored, options, runs)
    except engine.ClusterLost as error:
        _report(stored, options)
        _tell(f"sparserl: {error}; {_how_to_go_on(stored, options)}")
        return FAILED
    page = written_after(options.output, stored)
    known_now = {"engine": None, "report": page and str(page)}  # it was this process
    summary = {**document(stored, options.output), **known_now}
    if options.json:
        put(json.dumps(summary, indent=2, allow_nan=False))
    else:
        show(summary)
        if page:
            put(f"report: {page}")
    lacks_noise = summary["noise"] is not None and summary["noise"]["num_missing"] > 0
    return DONE if sum(summary["counts"][state] for state in FINAL) == len(runs) and not lacks_noise else FAILED


def _report(stored: StoredStudy, options: WorkOptions) -> None:
    """Write the report of what there is when work ends early, and say where."""
    if page := written_after(options.output, stored):
        _tell(f"report: {page}")


def _refuse_without_experiment(stored: StoredStudy, runs: Sequence[Path]) -> None:
    """Raises UserError where a run's experiment is gone or renamed: no worker could go on with it."""
    for folder in dict.fromkeys(run.parent for run in runs):
        if not (folder / "experiment.json").exists():
            why = next(renamed_experiments(stored), f"`sparserl study run {stored.name}` writes it anew")
            raise UserError(f"{folder / 'experiment.json'} is not there: {why}")


def _refuse_earlier(open_runs: Sequence[Path]) -> None:
    """Raise UserError for runs of an earlier version before any of them is touched: this one would train otherwise."""
    for folder in dict.fromkeys(run.parent for run in open_runs):
        version = persistence.read_experiment(folder)["choices"].get("results_version")
        if version != RESULTS_VERSION:
            raise UserError(
                f"{folder} was begun by results version {version}, and this sparserl trains by {RESULTS_VERSION}: its "
                "runs go on with the version that began them, or anew with another --output"
            )


def _work(
    stored: StoredStudy,
    options: WorkOptions,
    open_runs: Sequence[Path],
    states: Sequence[RunState],
    ledger: "_Ledger",
    retries: Retries,
    notices: goings_on.Notices,
) -> None:
    steps = {experiment.identifier: experiment.environment_steps for experiment in stored.experiments}
    totals = {Path(state.run_folder): steps[Path(state.run_folder).parent.name] for state in states}
    with (
        in_options(options_of(options)),
        sinks.started(options.sink, [stored.folder]),
        cluster.connected(options.scheduler, options.num_workers, options.device == "gpu") as client,
    ):
        cluster.check_workers(client, options.output)
        _tell(f"{stored.folder.name}: {len(open_runs)} of {len(states)} runs to do, in {options.output}")
        if not_kept := places.not_kept():
            _tell(not_kept)
        try:
            with shown(states, totals) as show_news:

                def tell(news: engine.News) -> None:
                    if news.kind == "progress" and (line := notices.of(news.run_folder)):
                        _tell(f"sparserl: {line}")
                    show_news(news)

                known = {folder: ledger.failures.get(str(RunId.of(folder)), ()) for folder in open_runs}
                settings = _settings(stored, options)
                beside = most_at_once if options.device == "gpu" else None
                engine.run(client, open_runs, settings, retries, tell, known, ledger.remember, most_at_once=beside)
        finally:
            ledger.write()


def _evaluate_under_noise(
    stored: StoredStudy, options: WorkOptions, runs: Sequence[Path], ledger: "_Ledger", retries: Retries
) -> None:
    with (
        in_options(options_of(options)),
        cluster.connected(options.scheduler, options.num_workers, options.device == "gpu") as client,
    ):
        cluster.check_workers(client, options.output)
        try:
            settings = _settings(stored, options)
            evaluating.evaluate(client, stored, runs, settings, retries, ledger.failures, ledger.note)
        finally:
            ledger.write()


def _settings(stored: StoredStudy, options: WorkOptions) -> engine.Settings:
    return dataclasses.replace(options.settings(), module_folders=stored.module_folders)


def _set_aside(runs: Sequence[Path]) -> list[Path]:
    """Have the runs that lack diagnostics begin anew, and say which."""
    moved, busy = recording.set_aside(recording.lacking(runs))
    for error in busy:
        _tell(f"sparserl: {error}")
    for run in moved:
        _tell(
            f"{RunId.of(run)} begins anew, with diagnostics: what it was is in {persistence.ASIDE}{run.name} beside it"
        )
    if not moved and not busy:
        _tell("no run that is to record diagnostics was begun without")
    return moved


def _is_open(state: RunState, failures: Failures, retries: Retries) -> bool:
    """Whether a run is left to do: neither a result nor given up, or finished but not tidied up."""
    if state.state == "finished":
        return not persistence.is_tidy(state.run_folder)
    if state.state == "diverged":
        return False
    return state.state != "failed" or not gives_up(failures.get(str(RunId.of(state.run_folder)), ()), retries)


class _Ledger:
    """Keeps the failures of a study on disk, writing at most every few seconds."""

    def __init__(self, folder: Path, failures: Failures) -> None:
        self.folder, self.failures, self.written, self.kept = folder, failures, -float("inf"), True

    def remember(self, run_folder: Path, failures: Sequence[Failure]) -> None:
        self.note(str(RunId.of(run_folder)), failures)

    def note(self, name: str, failures: Sequence[Failure]) -> None:
        self.failures[name] = tuple(failures)
        self.kept = False
        if time.monotonic() - self.written >= _SECONDS_BETWEEN_WRITES:
            self.write()

    def write(self) -> None:
        if self.kept:
            return
        try:
            write_failures(self.folder, self.failures)
            self.kept = True
        except persistence.DiskFull as error:  # reported, but no reason to stop runs that have room elsewhere
            _tell(f"sparserl: {error}")
        self.written = time.monotonic()


def _stopped(stored: StoredStudy, options: WorkOptions, runs: Sequence[Path]) -> int:
    states = counts(overview(runs))
    seeds = {run: RunId.of(run).seed for run in runs if (status := goings_on.read(run)) and status.status not in FINAL}
    lines = [f"{run.parent.name}/{line}" for run, seed in seeds.items() for line in goings_on.inexact({run: seed})]
    kept = "" if lines else "all is stored; "
    _tell(f"sparserl: stopped with {told(states, len(runs))}; {kept}{_how_to_go_on(stored, options)}")
    for line in lines[:_MOST_LINES]:
        _tell(f"sparserl: {line}")
    if len(lines) > _MOST_LINES:
        _tell(f"sparserl: and {len(lines) - _MOST_LINES} more like them")
    return INTERRUPTED


def _how_to_go_on(stored: StoredStudy, options: WorkOptions) -> str:
    where = "" if options.output == Path("results") else f" --output {options.output}"
    preset = f" --preset {stored.preset}" if "+" in stored.folder.name else ""
    return f"`sparserl study resume {stored.name} --scale {stored.scale}{preset}{where}` goes on"


def _tell(line: str) -> None:
    print(seen(line), file=sys.stderr, flush=True)
