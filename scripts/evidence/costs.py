"""Costs: what every study of the catalogue and every part of one takes, by the measured pace of a few experiments."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from evidence.kept import REPRODUCTION
from sparserl import persistence
from sparserl.experiment import RESULTS_VERSION, Experiment
from sparserl.study.calibration import Measurement, calibrate
from sparserl.study.catalogue import catalogue_names
from sparserl.study.estimates import Job, representatives, seconds_of_runs
from sparserl.study.files import from_catalogue, load
from sparserl.study.studies import Scale, Study
from sparserl.study.workload import workload
from sparserl.types import UserError

SCALES: tuple[Scale, ...] = ("quick", "paper")
CORES = (2, 64, 512)
BUDGET_SECONDS = 3600.0  # no measurement begins later
StudyKey = tuple[str, str]  # name and scale
_PARTS = {file.stem: file for file in (REPRODUCTION / "parts_of_grids").glob("*.py") if file.stem != "of_the_catalogue"}


class Cost(NamedTuple):
    """What a study takes at one scale; None where nothing like one of its experiments was measured."""

    study: str
    scale: str
    num_runs: int
    environment_steps: int
    core_hours: float | None
    longest_run_hours: float | None

    def hours(self, num_cores: int) -> float | None:
        """With a run on every core: never less than the longest run takes."""
        if self.core_hours is None or self.longest_run_hours is None:
            return None
        return max(self.core_hours / min(num_cores, self.num_runs), self.longest_run_hours)


def every_study(names: Sequence[str] = (), scales: Sequence[Scale] = SCALES) -> dict[StudyKey, Study]:
    """The studies of the catalogue and their parts, or those of them that are named, that can be run.

    Parts have but one scale, `quick`: others are there for trying them.
    """
    every = {(name, scale): from_catalogue(name, scale) for name in names or catalogue_names() for scale in scales}
    every |= {(name, "quick"): load(file, "quick") for name, file in sorted(_PARTS.items()) if not names}
    return {key: study for key, study in every.items() if study.experiments}


def jobs_of(studies: Mapping[StudyKey, Study]) -> dict[str, Job]:
    """Every experiment of these studies once, with its workload."""
    experiments = {each.identifier: each for study in studies.values() for each in study.experiments}
    return {name: Job(experiment, workload(experiment)) for name, experiment in experiments.items()}


def _alike(jobs: Mapping[str, Job]) -> list[list[Job]]:
    """Experiments whose pace can be told from each other's: one agent and network, and one suite of environments."""
    gathered: dict[tuple[str, str], list[Job]] = {}
    for job in jobs.values():
        environment = job.experiment.environment
        suite = next((name for name in ("atari:", "MinAtar/") if environment.startswith(name)), "")
        gathered.setdefault((job.family[0], suite), []).append(job)
    return list(gathered.values())


def to_measure(jobs: Mapping[str, Job]) -> list[Experiment]:
    """Whom to measure: the largest and smallest networks of all that are alike, and one in each further environment."""
    return [experiment for group in _alike(jobs) for experiment in representatives(group)]


def measured(jobs: Mapping[str, Job]) -> dict[str, Any]:
    """How fast the experiments of `to_measure` run here, as it is committed.

    Raises UserError where others used the processor meanwhile; what they did not disturb is not measured again.
    """
    wanted, began = to_measure(jobs), time.monotonic()
    print(f"measuring {len(wanted)} of {len(jobs):,} experiments", file=sys.stderr)
    calibrated = calibrate(wanted, BUDGET_SECONDS)
    if calibrated.num_disturbed:
        raise UserError(
            f"others used the processor during {calibrated.num_disturbed} of {len(wanted)} measurements: "
            "run it again on an idle machine, and only these are made"
        )
    known = calibrated.measurements
    missing = [each.identifier for each in wanted if each.identifier not in known]
    print(f"measured {len(known)} in {time.monotonic() - began:.0f} s; failed: {missing or 'none'}", file=sys.stderr)
    return {
        "results_version": RESULTS_VERSION,
        "machine": persistence.machine_description(),
        "measurements": {name: known[name]._asdict() for name in sorted(known)},
    }


def costs(studies: Mapping[StudyKey, Study], measurements: Mapping[str, Measurement]) -> list[Cost]:
    """What each study takes."""
    jobs, seconds = jobs_of(studies), dict[str, float | None]()
    for group in _alike(jobs):
        own = seconds_of_runs(group, measurements)
        seconds |= {job.experiment.identifier: second for job, second in zip(group, own, strict=True)}
    return [_cost(*key, study, jobs, seconds) for key, study in studies.items()]


def _cost(name: str, scale: str, study: Study, jobs: Mapping[str, Job], seconds: Mapping[str, float | None]) -> Cost:
    own = [experiment.identifier for experiment in study.experiments]
    steps = sum(jobs[each].workload.environment_steps for each in own) * study.num_seeds
    known = [second for each in own if (second := seconds[each]) is not None]
    whole = len(known) == len(own)
    return Cost(
        name,
        scale,
        len(own) * study.num_seeds,
        steps,
        round(sum(known) * study.num_seeds / 3600, 3) if whole else None,
        round(max(known) / 3600, 4) if whole else None,
    )


def document(found: Sequence[Cost], machine: Mapping[str, Any]) -> dict[str, Any]:
    """What is committed of them."""
    return {"results_version": RESULTS_VERSION, "machine": machine, "costs": [cost._asdict() for cost in found]}
