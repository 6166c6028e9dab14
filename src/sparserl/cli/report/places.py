"""Places: what a person names to `sparserl report`: which results they are of, which studies, and where files go."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sparserl.cli.study.options import find_stored
from sparserl.errors import UserError
from sparserl.persistence import StoredStudy, at_home
from sparserl.persistence.studies import FILE_NAME, parsed_name, stored, stored_names
from sparserl.study.catalogue import catalogue_names

USUAL = "results"  # the directory that other commands write
REPORT = "report"  # the folder that reports are written into


class Asked(NamedTuple):
    """What is to be reported: all that `place` holds, or these studies of it."""

    place: Path
    studies: tuple[StoredStudy, ...]
    output: Path  # unless another is asked for
    title: str


def asked_of(text: str, names: Sequence[str]) -> Asked:
    """What a person means by PLACE and --study. Raises UserError with the nearest names."""
    place = at_home(text or USUAL)
    if not text and not _exists(place):
        raise UserError("PLACE is missing: name a results directory, as in sparserl report results")
    if (place / FILE_NAME).exists():
        return _of_folder(place, names)
    if not _exists(place) and not names:
        return _by_name(text)
    if place.is_file():
        return Asked(place, _studies(place.parent, names), place.parent / REPORT, place.stem)
    studies = _studies(place, names)
    return Asked(place, studies, _output(place, studies), _title(place, studies))


def _exists(place: Path) -> bool:
    try:
        return os.path.lexists(place)
    except (OSError, ValueError):
        return False


def _of_folder(folder: Path, names: Sequence[str]) -> Asked:
    """The study whose folder is named; its runs lie two folders above."""
    if names:
        raise UserError(
            "it goes with a results directory, and this is a study's folder", field="--study", value=names[0]
        )
    own = folder.absolute()
    directory = own.parents[1]
    study = stored(directory, *parsed_name(own.name))
    return Asked(directory, (study,), folder / REPORT, own.name)


def _by_name(text: str) -> Asked:
    """What lies in the usual directory by this name: a study, an experiment or a run."""
    usual = Path(USUAL)
    within = usual / text
    if _exists(within):
        return Asked(within, (), within / REPORT, within.name)
    known = stored_names(usual)
    catalogue = catalogue_names()
    if any(text in (name, name.partition("@")[0]) for name in known) or text.partition("@")[0] in catalogue:
        study = find_stored(text, None, None, usual)
        return Asked(usual, (study,), study.folder / REPORT, study.folder.name)
    names = [
        *([USUAL] if usual.is_dir() else []),
        *known,
        *(name.partition("@")[0] for name in known),
        *_experiments(usual),
        *catalogue,
    ]
    raise UserError(f"{text} holds no evaluations: it is not there", value=text, names=names)


def _experiments(directory: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    except OSError:
        return []


def _studies(directory: Path, names: Sequence[str]) -> tuple[StoredStudy, ...]:
    return tuple(find_stored(name, None, None, directory) for name in dict.fromkeys(names))


def _output(place: Path, studies: Sequence[StoredStudy]) -> Path:
    return (studies[0].folder if len(studies) == 1 else place) / REPORT


def _title(place: Path, studies: Sequence[StoredStudy]) -> str:
    """What the page is called: the studies, or the name of the place, whatever it was given as."""
    return ", ".join(study.folder.name for study in studies) or place.absolute().resolve().name or str(place)
