"""`sparserl train`: one experiment, several seeds, each in a process of its own."""

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from sparserl import persistence, sinks, study
from sparserl.cli import DONE, FAILED, INTERRUPTED, goings_on
from sparserl.cli.arguments import Json
from sparserl.cli.experiments import read_command
from sparserl.cli.output import put
from sparserl.cli.progress import shown
from sparserl.cli.report.writing import written_after
from sparserl.cli.sinks import Sinks
from sparserl.cli.study.options import DEVICE_HELP, CheckpointOption, HangSeconds, ResumeOption
from sparserl.cli.tables import number, print_table
from sparserl.engine.settings import Settings
from sparserl.errors import either
from sparserl.experiment import AGENTS, LARGEST_SEED, Experiment, canonical_plan, check, unseeded
from sparserl.persistence import RunId
from sparserl.processes import places
from sparserl.processes.cores import refuse_without_gpu
from sparserl.seen import seen
from sparserl.study.storing import experiment_document
from sparserl.types import UserError
from sparserl.worker.side_by_side import most_at_once

_DESCRIPTION = f"""Train an agent with a sparse method, one process per seed, and draw the learning curves.

Ctrl-C stops. The same command goes on, to the same bits where the environment can be captured; elsewhere with fresh
episodes, see --resume. Seeds that have finished are not trained again.

AGENT is {either(AGENTS)}. `sparserl methods` lists METHOD, `sparserl environments` what to learn.

example:
  sparserl train dqn rigl --environment CartPole-v1 --sparsity 0.9 --num-seeds 5"""


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """The options of `train` beside those of the experiment."""

    num_seeds: Annotated[int, tyro.conf.arg(help="How many seeds to train; as many at once as there are cores.")] = 1
    seed: Annotated[int, tyro.conf.arg(help="The first seed; the others follow it.")] = 0
    output: Annotated[Path, tyro.conf.arg(help="Results directory; it may hold many experiments.")] = Path("results")
    diagnostics: Annotated[
        bool,
        tyro.conf.FlagCreatePairsOff,
        tyro.conf.arg(
            help="Record gradients, units and topology of each network at every evaluation; slower, same results."
        ),
    ] = False
    device: Annotated[Literal["cpu", "gpu"], tyro.conf.arg(help=DEVICE_HELP)] = "cpu"
    hang_seconds: HangSeconds = Settings.hang_seconds
    checkpoint_seconds: CheckpointOption = None
    resume: ResumeOption = "auto"
    sink: Sinks = ()
    json: Json = False

    def __post_init__(self) -> None:
        if self.num_seeds < 1:
            raise UserError("it must be at least 1", field="num_seeds", value=self.num_seeds)
        if not 0 <= self.seed <= LARGEST_SEED - self.num_seeds + 1:
            raise UserError(f"it must lie in 0 to {LARGEST_SEED - self.num_seeds + 1}", field="seed", value=self.seed)
        sinks.check_kinds(self.sink)
        self.settings()

    def settings(self) -> Settings:
        """Those of the options that workers get."""
        return Settings(
            hang_seconds=self.hang_seconds,
            checkpoint_seconds=self.checkpoint_seconds,
            resume=self.resume,
            gpu=self.device == "gpu",
        )


def main(words: Sequence[str]) -> int:
    """Train what `words` ask for; 0 where every seed has finished, 1 where one failed."""
    command = read_command("train", words, TrainOptions(), _DESCRIPTION, check)
    experiment, options = canonical_plan(command.plan).experiment, command.own
    sinks.check_kinds(options.sink)
    if options.device == "gpu":
        refuse_without_gpu()
    if why := unseeded(experiment):
        _tell(f"sparserl: {why}")
    document = experiment_document(experiment, command.preset, command.budget)
    folder = persistence.plan_experiment(options.output, experiment.identifier, document)
    places.ensure_temporary(options.output)
    seeds = range(options.seed, options.seed + options.num_seeds)
    runs = {RunId(experiment.identifier, seed).folder(options.output): seed for seed in seeds}
    for run in runs:
        persistence.check_run(run)
    try:
        with sinks.started(options.sink, list(runs)):
            causes = _train(experiment, folder, runs, options)
    except KeyboardInterrupt:
        return _stopped(folder, runs)
    if line := _several_classes(experiment, folder):
        _tell(f"sparserl: {line}")
    figure, page = _draw(folder), written_after(folder)
    summary = {**_summary(experiment, folder, runs, causes), "report": page and str(page)}
    if options.json:
        put(json.dumps(summary, indent=2, allow_nan=False))
    else:
        _show(summary, folder, figure)
    return FAILED if causes else DONE


def _train(
    experiment: Experiment,
    folder: Path,
    runs: Mapping[Path, int],
    options: TrainOptions,
) -> dict[int, str]:
    """Train the seeds that have not finished yet, and say by seed why some failed."""
    request, gpu = persistence.RunRequest(options.diagnostics), options.device == "gpu"
    finished = [run for run in runs if _is_finished(run) and persistence.is_tidy(run)]
    for run in finished:
        lacking = request.diagnostics and not persistence.has_diagnostics(run)
        words = " without diagnostics and is not trained again: with another --output it is" if lacking else ""
        _tell(f"seed {runs[run]} was finished before{words or ' and is not trained again'}")
    waiting = {run: seed for run, seed in runs.items() if run not in finished}
    if not waiting:
        return {}
    for run in waiting:
        persistence.write_request(run, request)
    _tell(f"training {_count(len(waiting), 'seed')} of {experiment.total_steps:,} steps into {folder}")
    if not_kept := places.not_kept():
        _tell(not_kept)
    known = goings_on.costs([experiment], options.resume)
    for line in known.values():
        _tell(f"sparserl: {line}")
    notices = goings_on.Notices(known.values())
    with shown(waiting, experiment.total_steps * experiment.num_environments) as show:

        def tell(run: Path, progress: study.RunProgress) -> None:
            if line := notices.of(run):
                _tell(f"sparserl: {line}")
            show(run, progress)

        notice, beside = lambda news: _notice(news, waiting), most_at_once if gpu else None
        settings = options.settings()
        outcomes = study.run_all(list(waiting), tell, notice, settings=settings, most_at_once=beside)
    for outcome in outcomes:
        if outcome.ending != "finished":
            verb = "diverged" if outcome.ending == "diverged" else "failed"
            _tell(f"sparserl: seed {waiting[outcome.run_folder]} {verb}: {outcome.message}; its log is {outcome.log}")
    failed = [outcome for outcome in outcomes if outcome.ending not in ("finished", "diverged")]
    return {waiting[outcome.run_folder]: outcome.message for outcome in failed}


def _notice(news: study.News, runs: Mapping[Path, int]) -> None:
    if news.kind == "retry" and news.outcome is not None:
        where = f"seed {runs[news.run_folder]} failed at step {news.outcome.environment_steps:,}"
        _tell(f"{where}: {news.outcome.message}; trying it again in {news.delay_seconds:g} s")
    elif news.kind == "wait":
        _tell(f"seed {runs[news.run_folder]} is being trained by another process, which is waited for")


def _stopped(folder: Path, runs: Mapping[Path, int]) -> int:
    unfinished = {run: seed for run, seed in runs.items() if not _is_finished(run)}
    inexact = list(goings_on.inexact(unfinished))
    kept, how = len(runs) - len(unfinished), "trains" if inexact else "goes on with"
    _tell(
        f"sparserl: stopped with {kept} of {_count(len(runs), 'seed')} finished; all evaluations are in {folder}; "
        f"the same command {how} the seeds that have not finished"
    )
    for line in inexact:
        _tell(f"sparserl: {line}")
    return INTERRUPTED


def _is_finished(run: Path) -> bool:
    try:
        status = persistence.read_status(run)
    except persistence.NewerFormat:
        raise
    except UserError:  # a damaged one says nothing: the run's process replaces it
        return False
    return status is not None and status.status == "finished" and persistence.is_over(run, status)


def _summary(
    experiment: Experiment, folder: Path, runs: Mapping[Path, int], causes: Mapping[int, str]
) -> dict[str, Any]:
    """The JSON document of design section 9; the mean is over the seeds that have finished."""
    rows = [_row(run, seed, causes) for run, seed in runs.items()]
    returns = [row["final_return"] for row in rows if row["final_return"] is not None]
    return {
        "experiment_id": experiment.identifier,
        "directory": str(folder),
        "seeds": rows,
        "final_return_mean": sum(returns) / len(returns) if returns else None,
    }


def _row(run: Path, seed: int, causes: Mapping[int, str]) -> dict[str, Any]:
    status = persistence.read_status(run) or persistence.Status("failed")
    failed = seed in causes
    return {
        "seed": seed,
        "status": "failed" if failed else status.status,
        "final_return": None if failed else status.final_return,
        "environment_steps": status.environment_steps,
        "environment_steps_per_second": status.environment_steps_per_second,
        "num_breaks": len(status.breaks),
        **({"message": causes[seed]} if failed else {}),
    }


def _several_classes(experiment: Experiment, folder: Path) -> str | None:
    """Says that the seeds that are there, earlier ones, too, do not belong to one machine class."""
    machines = [status.machine for run in persistence.runs_in(folder) if (status := goings_on.read(run))]
    return persistence.several_classes({experiment.identifier: machines})


def _draw(folder: Path) -> Path | None:
    """The learning curves of all seeds in `folder`; None where nothing has been evaluated or nothing can be written."""
    from sparserl import report  # matplotlib takes its time to import

    if not any(persistence.files_of_runs(folder, "evaluations.parquet")):
        return None
    try:
        return report.learning_curves(persistence.read_evaluations(folder), folder / "learning_curves.png")
    except UserError as error:  # the results are there all the same, and are to be shown
        _tell(f"sparserl: no learning curves are drawn: {error}")
        return None


def _show(summary: Mapping[str, Any], folder: Path, figure: Path | None) -> None:
    rows = [
        (
            str(row["seed"]),
            row["status"],
            number(row["final_return"]),
            f"{row['environment_steps']:,}",
            number(row["environment_steps_per_second"], ",.0f"),
        )
        for row in summary["seeds"]
    ]
    print_table(("seed", "status", "final return", "steps", "steps/s"), rows, numbers_from=2)
    returns = [row["final_return"] for row in summary["seeds"] if row["final_return"] is not None]
    put(f"\nfinal return: {_mean(returns)}" if returns else "\nno seed has finished")
    if broken := [str(row["seed"]) for row in summary["seeds"] if row["num_breaks"]]:
        seeds = f"seed {broken[0]}" if len(broken) == 1 else f"seeds {', '.join(broken)}"
        put(f"bits not promised: {seeds} went on with fresh episodes after a stop")
    put(f"learning curves: {figure}" if figure else "no learning curves")
    put(f"evaluations:     {folder / persistence.EVERY_RUN / 'evaluations.parquet'}")
    if summary["report"]:
        put(f"report:          {summary['report']}")


def _mean(returns: Sequence[float]) -> str:
    mean = number(sum(returns) / len(returns))
    from sparserl.report import FEW, FEWEST_FOR_INTERVAL, METHOD, mean_interval  # SciPy takes its time to import

    if len(returns) < FEWEST_FOR_INTERVAL:
        return f"{mean} (mean of {_count(len(returns), 'seed')}; three or more give an interval)"
    low, high = mean_interval(returns)
    few = ", of so few if returns are about normal" if len(returns) < FEW else ""
    ends = f"{number(float(low))} to {number(float(high))}"
    return f"{mean} (mean of {len(returns)} seeds; 95 % {METHOD} {ends}{few})"


def _count(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _tell(line: str) -> None:
    print(seen(line), file=sys.stderr, flush=True)
