"""Noise: what the evaluations of a study's runs under noise on observations take, less what is there."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sparserl import persistence
from sparserl.persistence import RunId
from sparserl.study.calibration import Measurement
from sparserl.study.estimates import Job
from sparserl.study.studies import Study


class NoisePlan(NamedTuple):
    """Evaluations of all runs under every deviation; steps and seconds are those of the missing ones."""

    num_evaluations: int
    num_missing: int
    evaluation_steps: int  # at most: every episode as long as the time limit lets it be
    core_seconds: float | None  # at most, on one core; None: nothing like it was measured


def noise_plan(
    study: Study, directory: Path, jobs: Sequence[Job], measurements: Mapping[str, Measurement]
) -> NoisePlan | None:
    """What this step takes; None where a study has none."""
    deviations = study.observation_noise
    if not deviations:
        return None
    missing = [
        sum(
            len(persistence.missing_noise(RunId(job.experiment.identifier, seed).folder(directory), deviations))
            for seed in range(study.num_seeds)
        )
        for job in jobs
    ]
    pairs = [(job, number) for job, number in zip(jobs, missing, strict=True) if number]
    steps = [job.experiment.evaluation.num_episodes * job.workload.evaluation_length_steps for job, _ in pairs]
    seconds = [_seconds(job, jobs, measurements) for job, _ in pairs]
    known = [second * number for second, (_, number) in zip(seconds, pairs, strict=True) if second is not None]
    return NoisePlan(
        len(jobs) * study.num_seeds * len(deviations),
        sum(missing),
        sum(step * number for step, (_, number) in zip(steps, pairs, strict=True)),
        sum(known) if len(known) == len(pairs) else None,
    )


def _seconds(job: Job, jobs: Sequence[Job], measurements: Mapping[str, Measurement]) -> float | None:
    """Of one evaluation, by the pace that was measured in its environment."""
    paces = [
        measurements[other.experiment.identifier].evaluation_step_seconds
        for other in jobs
        if other.experiment.environment == job.experiment.environment and other.experiment.identifier in measurements
    ]
    return job.workload.evaluation_length_steps * statistics.mean(paces) if paces else None
