"""Estimates: how long each experiment of a study takes, from the few that were measured and those that have finished.

Seconds of a run = start + steps x pace + evaluations x episode length x pace of evaluation. The pace of training is
interpolated over the parameters that are computed with, for each agent, network and storage, and scaled to each
environment.
"""

import bisect
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sparserl.experiment import Experiment
from sparserl.study.calibration import Measurement
from sparserl.study.workload import Workload

MOST_REPRESENTATIVES = 8
# Where pruned kernels are compressed in the end, a network is computed as a dense one for this part of the run: cubic
# pruning from 20 to 80 % of it is below the usual break-even, a density of 0.4, at 38 %.
DENSE_FRACTION_OF_PRUNING = 0.4


class Job(NamedTuple):
    """An experiment with its workload, and the mean seconds of its finished runs, evaluations included."""

    experiment: Experiment
    workload: Workload
    finished_seconds: float | None = None

    @property
    def family(self) -> tuple[str, str]:
        """Experiments of one agent and network whose kernels are stored alike cost alike, apart from their size."""
        shrinking = self.workload.first_computed_parameters > self.workload.computed_parameters
        learner = f"{self.experiment.agent_name} {self.experiment.network_name}"
        return learner, "shrinking" if shrinking else self.experiment.storage

    @property
    def size(self) -> int:
        """The parameters that its first steps compute with."""
        work = self.workload
        return work.first_computed_parameters if self.family[1] == "shrinking" else work.computed_parameters


def representatives(jobs: Sequence[Job]) -> list[Experiment]:
    """Whom to measure, the most telling first: the largest and smallest of each family, then one per environment."""
    steps: Counter[str] = Counter()
    for job in jobs:
        steps[job.experiment.environment] += job.workload.environment_steps
    usual = {agent: _reference(jobs, agent, steps) for agent in {job.family[0] for job in jobs}}
    chosen: list[Job] = []
    for pick in (max, min):
        for family in dict.fromkeys(job.family for job in jobs):
            own = [job for job in jobs if job.family == family and job.experiment.environment == usual[family[0]]]
            if own:
                chosen.append(pick(own, key=lambda job: job.size))
    for environment, _ in steps.most_common():
        own = [job for job in jobs if job.experiment.environment == environment]
        if own and environment not in usual.values():
            chosen.append(max(own, key=lambda job: job.size))
    return [job.experiment for job in dict.fromkeys(chosen)][:MOST_REPRESENTATIVES]


def seconds_of_runs(jobs: Sequence[Job], measurements: Mapping[str, Measurement]) -> list[float | None]:
    """Seconds of one run of each job on one core; None where nothing like it was measured or has finished.

    Finished runs are better than measurements: they decide their own experiment, and correct their family.
    """
    points = [
        MeasuredPoint(job.family, job.size, job.experiment, measurements[job.experiment.identifier])
        for job in jobs
        if job.experiment.identifier in measurements
    ]
    estimates = [_estimate(job, points) for job in jobs]
    ratios: dict[tuple[str, str], list[float]] = {}
    for job, estimate in zip(jobs, estimates, strict=True):
        if job.finished_seconds is not None and estimate is not None:
            ratios.setdefault(job.family, []).append(job.finished_seconds / estimate)
    corrections = {family: statistics.geometric_mean(values) for family, values in ratios.items()}
    corrected = lambda job, estimate: None if estimate is None else estimate * corrections.get(job.family, 1.0)
    return [
        job.finished_seconds if job.finished_seconds is not None else corrected(job, estimate)
        for job, estimate in zip(jobs, estimates, strict=True)
    ]


class MeasuredPoint(NamedTuple):
    """A measurement, and where it belongs."""

    family: tuple[str, str]
    size: int
    experiment: Experiment
    measurement: Measurement


def _reference(jobs: Sequence[Job], agent: str, steps: Mapping[str, int]) -> str:
    """The environment that the agent's jobs spend most steps in."""
    return max(
        sorted({job.experiment.environment for job in jobs if job.family[0] == agent}), key=lambda name: steps[name]
    )


def _estimate(job: Job, points: Sequence[MeasuredPoint]) -> float | None:
    own = [point for point in points if point.family[0] == job.family[0]]
    if not own:
        return None
    environment, work = job.experiment.environment, job.workload
    step_seconds = _step_seconds(job.family, job.size, environment, own)
    packed = job.family[0], "compressed"
    if job.family[1] == "shrinking" and any(point.family == packed for point in own):
        late_seconds = _step_seconds(packed, work.computed_parameters, environment, own)
        step_seconds = DENSE_FRACTION_OF_PRUNING * step_seconds + (1 - DENSE_FRACTION_OF_PRUNING) * late_seconds
    same = [point for point in own if point.experiment.environment == environment] or own
    evaluation_step_seconds = statistics.mean(point.measurement.evaluation_step_seconds for point in same)
    start_seconds = statistics.mean(point.measurement.start_seconds for point in own)
    evaluation_seconds = work.num_evaluations * work.evaluation_length_steps * evaluation_step_seconds
    return start_seconds + work.environment_steps * step_seconds + evaluation_seconds


def _step_seconds(family: tuple[str, str], size: int, environment: str, points: Sequence[MeasuredPoint]) -> float:
    """The pace of a family at a size, times how much slower its environment was where both could be compared."""
    seconds = _on_line(family, size, points)
    there = [point for point in points if point.experiment.environment == environment]
    ratios = [point.measurement.step_seconds / _on_line(point.family, point.size, points) for point in there]
    return seconds * (statistics.geometric_mean(ratios) if ratios else 1.0)


def _on_line(family: tuple[str, str], size: int, points: Sequence[MeasuredPoint]) -> float:
    """The pace at a size between the two nearest measured sizes, in the environment measured most; never beyond."""
    related = [point for point in points if point.family == family] or list(points)
    [(usual, _)] = Counter(point.experiment.environment for point in related).most_common(1)
    known = {point.size: point.measurement.step_seconds for point in related if point.experiment.environment == usual}
    sizes = sorted(known)
    after = min(bisect.bisect_left(sizes, size), len(sizes) - 1)
    high, low = sizes[after], sizes[max(after - 1, 0)] if size < sizes[after] else sizes[after]
    if low == high or size < low:
        return known[high]
    return known[low] + (known[high] - known[low]) * (size - low) / (high - low)
