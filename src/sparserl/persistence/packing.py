"""Packing: the runs of a study that are over, small enough to commit or to send: choices, rows and how they ended."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from sparserl.errors import UserError
from sparserl.persistence.diagnostics import DIAGNOSTICS
from sparserl.persistence.documents import read_document, write_document
from sparserl.persistence.evaluations import EVALUATIONS
from sparserl.persistence.noise import NOISE, missing_noise
from sparserl.persistence.results import Status, read_status
from sparserl.persistence.runs import RunId
from sparserl.persistence.studies import FILE_NAME, StoredStudy, stored_names
from sparserl.processes.homes import at_home

_OVER = ("finished", "diverged")  # runs that are packed; others have no final return yet
_OF_DIAGNOSTICS = ("signal_to_noise", "live_density")  # on axes of figures that are drawn from diagnostics


class Packed(NamedTuple):
    """What was packed."""

    place: Path
    num_runs: int
    num_planned: int
    num_bytes: int
    num_without_noise: int  # runs not yet evaluated under the study's noise: they would be trained again for that


def pack(directory: str | Path, study: StoredStudy, place: str | Path, with_diagnostics: bool | None = None) -> Packed:
    """Put the runs of a study that are over into the results directory `place`, in place of those that are there.

    `sparserl report` reads it as any other, and a study goes on from a copy of it. Checkpoints, topologies, logs and
    leases stay behind, and `status.json` says so; diagnostics come along where a figure of the study is drawn from
    them, unless `with_diagnostics` says otherwise. Raises UserError where no run is over, or where something in `place`
    would be lost: another study, or runs of this one that `directory` lacks.
    """
    directory, place = at_home(directory), at_home(place)
    over = {run: status for run in study.runs if (status := _over(run.folder(directory))) is not None}
    if study.runs and not over:
        raise UserError(f"no run of {study.folder.name} in {directory} has finished")
    _check(directory, place, study, over)
    wanted = _shows_diagnostics(study) if with_diagnostics is None else with_diagnostics
    names = [EVALUATIONS.file_name, NOISE.file_name, *([DIAGNOSTICS.file_name] if wanted else [])]
    fresh = place.with_name(f"{place.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    num_without_noise = 0
    for run, status in over.items():
        source, target = run.folder(directory), run.folder(fresh)
        _copy(source, target, names)
        lacks_noise = status.status == "finished" and bool(missing_noise(source, study.observation_noise))
        num_without_noise += lacks_noise
        write_document(target / "status.json", status._replace(packed=not lacks_noise)._asdict())
    for experiment in {run.experiment for run in over}:
        _copy(directory / experiment, fresh / experiment, ["experiment.json"])
    told = fresh / "studies" / study.folder.name
    told.mkdir(parents=True)
    # Folders of modules are of this machine, and nobody else's business; `study run` of the study's file finds its own.
    write_document(told / FILE_NAME, {**read_document(study.folder / FILE_NAME), "module_folders": []})
    shutil.rmtree(place, ignore_errors=True)
    fresh.rename(place)
    num_bytes = sum(file.stat().st_size for file in place.rglob("*.*") if file.is_file())
    return Packed(place, len(over), len(study.runs), num_bytes, num_without_noise)


def _check(directory: Path, place: Path, study: StoredStudy, over: dict[RunId, Status]) -> None:
    if place.exists() and (not place.is_dir() or os.path.realpath(place) == os.path.realpath(directory)):
        raise UserError(f"{place} is {'what is packed' if place.is_dir() else 'a file'}: give another folder")
    names = stored_names(place)
    if others := [each for each in names if each != study.folder.name]:
        raise UserError(f"{place} holds {others[0]}: a pack has one study; give another folder")
    if not names and place.is_dir() and any(place.iterdir()):
        raise UserError(f"{place} holds something else than a pack: give another folder")
    lost = [run for run in study.runs if run not in over and _over(run.folder(place)) is not None]
    if lost:
        raise UserError(
            f"{place} has {lost[0]}, and {len(lost) - 1} more, that {directory} lacks: copy them there first, "
            f"as in cp -rn {place}/. {directory}, or give another folder"
        )


def _over(folder: Path) -> Status | None:
    """The status of a run that is over and has its rows."""
    status = read_status(folder) if folder.is_dir() else None
    return status if status and status.status in _OVER and (folder / EVALUATIONS.file_name).exists() else None


def _shows_diagnostics(study: StoredStudy) -> bool:
    return any(figure.get(axis) in _OF_DIAGNOSTICS for figure in study.figures for axis in ("x", "y"))


def _copy(source: Path, target: Path, names: list[str]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)
