"""Packing: a finished or partial study into the small form that is committed: choices, rows and how runs ended."""

import shutil
from pathlib import Path
from typing import NamedTuple

from sparserl import persistence
from sparserl.errors import UserError
from sparserl.persistence import DIAGNOSTICS, EVALUATIONS, NOISE, StoredStudy
from sparserl.persistence.studies import FILE_NAME

_OVER = ("finished", "diverged")  # runs that are kept; others have no final return yet
_OF_DIAGNOSTICS = ("signal_to_noise", "live_density")  # on axes of figures that are drawn from diagnostics


class Packed(NamedTuple):
    """What was packed."""

    place: Path
    num_runs: int
    num_planned: int
    num_bytes: int


def pack(directory: Path, study: StoredStudy, place: Path, with_diagnostics: bool | None = None) -> Packed:
    """Put the runs of a study that are over into the results directory `place`, in place of those that are there.

    `sparserl report` reads it as any other. Checkpoints, topologies, logs and leases stay behind; diagnostics come
    along where a figure of the study is drawn from them, unless `with_diagnostics` says otherwise. Raises UserError
    where no run is over, or one of another study is in `place`.
    """
    over = [run for run in study.runs if _is_over(run.folder(directory))]
    if not over:
        raise UserError(f"no run of {study.folder.name} in {directory} has finished")
    others = [each for each in persistence.studies.stored_names(place) if each != study.folder.name]
    if others:
        raise UserError(f"{place} holds {others[0]}: a folder keeps one study; name another one with --name")
    wanted = _shows_diagnostics(study) if with_diagnostics is None else with_diagnostics
    names = [EVALUATIONS.file_name, "status.json", NOISE.file_name, *([DIAGNOSTICS.file_name] if wanted else [])]
    fresh = place.with_name(f"{place.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    for run in over:
        _copy(run.folder(directory), run.folder(fresh), names)
    for experiment in {run.experiment for run in over}:
        _copy(directory / experiment, fresh / experiment, ["experiment.json"])
    _copy(study.folder, fresh / "studies" / study.folder.name, [FILE_NAME])
    shutil.rmtree(place, ignore_errors=True)
    fresh.rename(place)
    return Packed(place, len(over), len(study.runs), sum(file.stat().st_size for file in place.rglob("*.*")))


def _is_over(folder: Path) -> bool:
    status = persistence.read_status(folder) if folder.is_dir() else None
    return status is not None and status.status in _OVER and (folder / EVALUATIONS.file_name).exists()


def _shows_diagnostics(study: StoredStudy) -> bool:
    return any(figure.get(axis) in _OF_DIAGNOSTICS for figure in study.figures for axis in ("x", "y"))


def _copy(source: Path, target: Path, names: list[str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
