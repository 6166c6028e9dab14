"""The plan of a study: what it takes before any of it is run, less what has finished in the results directory."""

import itertools
import shutil
import statistics
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sparserl import persistence
from sparserl.experiment import Experiment
from sparserl.persistence import RunId
from sparserl.processes.cores import allowed_cores
from sparserl.study.calibration import Calibration, calibrate, remembered
from sparserl.study.estimates import Job, representatives, seconds_of_runs
from sparserl.study.noise import NoisePlan, noise_plan
from sparserl.study.recording import lacking
from sparserl.study.studies import Study
from sparserl.study.workload import workload
from sparserl.types import UserError

BUDGET_SECONDS = 30.0  # of calibration: no measurement begins later


class PlanPart(NamedTuple):
    """What one agent does in one environment; steps and seconds are of runs that have not finished."""

    agent: str
    environment: str
    num_experiments: int
    num_runs: int
    num_finished: int
    environment_steps: int
    evaluation_steps: int  # at most: every episode as long as the time limit lets it be
    core_seconds: float | None  # on one core; None: nothing like it was measured


class Sources(NamedTuple):
    """Where the seconds of experiments come from: their own finished runs, measurements, or others like them."""

    num_finished: int
    num_measured: int
    num_estimated: int
    num_unknown: int
    num_measured_now: int
    calibration_seconds: float
    num_disturbed: int  # of those measured now


class StudyPlan(NamedTuple):
    """What a study takes in a results directory; `*_bytes` are estimates, `None` is what is not known."""

    study: Study
    parts: tuple[PlanPart, ...]
    num_runs: int
    num_finished: int
    num_begun: int
    num_without_diagnostics: int  # begun or finished, though the study wants diagnostics of them
    environment_steps: int
    evaluation_steps: int
    core_seconds: float | None
    wall_seconds: float | None  # with a run on every core
    longest_run_seconds: float | None
    num_cores: int
    finished_bytes: int  # of the runs that are still to finish
    running_bytes: int  # at most at once beside them, with a run on every core
    free_bytes: int
    sources: Sources
    noise: NoisePlan | None  # what the evaluations under noise take beside all this, if there are any


class RunsLeft(NamedTuple):
    """How far the runs of an experiment have come: what is left of each, from 1 to 0, and finished ones' seconds."""

    remaining: tuple[float, ...]
    finished_seconds: float | None

    @property
    def num_finished(self) -> int:
        return sum(part == 0 for part in self.remaining)


def plan(study: Study, directory: str | Path, measure: bool = True) -> StudyPlan:
    """Count and estimate a study whose experiments `load` has checked; `measure` allows a short calibration.

    Raises UserError where all of the study waits for what this version lacks.
    """
    if not study.experiments:
        raise UserError(f"study {study.name} cannot be run yet: {'; '.join(study.waiting)}")
    directory = persistence.at_home(directory)
    runs_left = [_runs_left(directory, experiment, study.num_seeds) for experiment in study.experiments]
    jobs = [
        Job(experiment, workload(experiment), runs.finished_seconds)
        for experiment, runs in zip(study.experiments, runs_left, strict=True)
    ]
    open_jobs = [job for job, runs in zip(jobs, runs_left, strict=True) if runs.num_finished < study.num_seeds]
    wanted = representatives([job for job in open_jobs if job.finished_seconds is None])
    known = remembered(study.experiments)
    calibration = calibrate(wanted, BUDGET_SECONDS) if measure else known
    calibration = calibration._replace(measurements={**known.measurements, **calibration.measurements})
    seconds = seconds_of_runs(jobs, calibration.measurements)
    return _summed(study, directory, jobs, runs_left, seconds, calibration)


def _runs_left(directory: Path, experiment: Experiment, num_seeds: int) -> RunsLeft:
    steps = experiment.total_steps * experiment.num_environments
    remaining, seconds = [], []
    for seed in range(num_seeds):
        run = RunId(experiment.identifier, seed).folder(directory)
        persistence.check_run(run)
        status = persistence.read_status(run)
        begun = None if status is None or status.status == "finished" else status  # finished and not over: begins anew
        left = 1.0 if begun is None else max(1.0 - begun.environment_steps / steps, 0.01)
        remaining.append(0.0 if persistence.is_over(run, status) else left)
        if status is not None and status.status == "finished" and status.environment_steps_per_second:
            seconds.append(steps / status.environment_steps_per_second)
    return RunsLeft(tuple(remaining), statistics.mean(seconds) if seconds else None)


def _summed(
    study: Study,
    directory: Path,
    jobs: Sequence[Job],
    runs_left: Sequence[RunsLeft],
    seconds: Sequence[float | None],
    calibration: Calibration,
) -> StudyPlan:
    rows = list(zip(jobs, runs_left, seconds, strict=True))
    place = lambda row: (row[0].experiment.agent_name, row[0].experiment.environment)
    places = dict.fromkeys(map(place, rows))
    parts = tuple(_part(*name, [row for row in rows if place(row) == name]) for name in places)
    open_rows = [row for row in rows if row[1].num_finished < study.num_seeds]
    times = [second for _, _, second in open_rows]
    core_seconds = _sum(part.core_seconds for part in parts)
    longest = max((second for second in times if second is not None), default=None)
    num_cores = len(allowed_cores())
    largest = sorted((job.workload.running_bytes for job, _, _ in open_rows), reverse=True)
    left = [part for runs in runs_left for part in runs.remaining if part > 0]
    return StudyPlan(
        study=study,
        parts=parts,
        num_runs=len(jobs) * study.num_seeds,
        num_finished=sum(part.num_finished for part in parts),
        num_begun=sum(part < 1 for part in left),
        num_without_diagnostics=len(lacking(_diagnosed_runs(study, directory))),
        environment_steps=sum(part.environment_steps for part in parts),
        evaluation_steps=sum(part.evaluation_steps for part in parts),
        core_seconds=core_seconds,
        wall_seconds=None
        if core_seconds is None
        else max(core_seconds / min(num_cores, max(len(left), 1)), longest or 0),
        longest_run_seconds=longest,
        num_cores=num_cores,
        finished_bytes=sum(job.workload.finished_bytes * sum(p > 0 for p in runs.remaining) for job, runs, _ in rows),
        running_bytes=sum(itertools.islice(itertools.cycle(largest), min(num_cores, len(left)))) if largest else 0,
        free_bytes=_free_bytes(directory),
        sources=_sources(jobs, seconds, calibration),
        noise=noise_plan(study, directory, jobs, calibration.measurements),
    )


def _diagnosed_runs(study: Study, directory: Path) -> Iterator[Path]:
    for experiment in study.experiments:
        if study.is_diagnosed(experiment.identifier):
            for seed in range(study.num_seeds):
                yield RunId(experiment.identifier, seed).folder(directory)


def _part(agent: str, environment: str, rows: Sequence[tuple[Job, RunsLeft, float | None]]) -> PlanPart:
    shares = [(job, sum(runs.remaining), second) for job, runs, second in rows]
    return PlanPart(
        agent,
        environment,
        num_experiments=len(rows),
        num_runs=sum(len(runs.remaining) for _, runs, _ in rows),
        num_finished=sum(runs.num_finished for _, runs, _ in rows),
        environment_steps=round(sum(job.workload.environment_steps * share for job, share, _ in shares)),
        evaluation_steps=round(sum(job.workload.evaluation_steps * share for job, share, _ in shares)),
        core_seconds=_sum(second if second is None else second * share for _, share, second in shares if share > 0),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    """Their sum; not known where one of them is not."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _sources(jobs: Sequence[Job], seconds: Sequence[float | None], calibration: Calibration) -> Sources:
    finished = sum(job.finished_seconds is not None for job in jobs)
    measured = sum(
        job.finished_seconds is None and job.experiment.identifier in calibration.measurements for job in jobs
    )
    unknown = sum(second is None for second in seconds)
    estimated = len(jobs) - finished - measured - unknown
    now = calibration.num_new, calibration.seconds, calibration.num_disturbed
    return Sources(finished, measured, estimated, unknown, *now)


def _free_bytes(directory: Path) -> int:
    """Of the disk that the directory is on, or will be."""
    present = next(path for path in (directory.absolute(), *directory.absolute().parents) if path.exists())
    return shutil.disk_usage(present).free
