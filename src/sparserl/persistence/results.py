"""The results store: `DIR/<experiment id>/experiment.json` and `DIR/<experiment id>/seed=<n>/`."""

import hashlib
import math
import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sparserl.errors import UserError
from sparserl.persistence.checkpoint import has_bundle
from sparserl.persistence.documents import canonical_json, plain, read_document, write_document
from sparserl.persistence.layouts import ALONE
from sparserl.persistence.runs import RunId, is_run_folder
from sparserl.persistence.searching import search
from sparserl.processes.homes import at_home

GOES_ON = ("exact", "fresh-episode", "anew")  # to the same bits; with fresh episodes; from step 0
STATUSES = ("running", "finished", "diverged", "failed", "interrupted")
_OF_A_RUN = ("evaluations.parquet", "checkpoint", "status.json")  # what a run has, whatever its folder is called
_DIGITS = 8  # of the hash at the end of an experiment id
_DIGEST = re.compile(rf"-([0-9a-f]{{{_DIGITS}}})$")
_LONGEST_NAME = 120  # file systems allow 255 bytes, and partial files have longer names


class Status(NamedTuple):
    """How far a run has come: `status` is one of STATUSES, times are UTC in ISO 8601, None is what is not known.

    `attempt` counts the processes that have worked on the run; the last one went on from `resumed_from_steps`, if not
    from the start. `forced` are the differences of software or machine between attempts that a person has accepted.
    `layout` is that of persistence.layouts: alone, or beside which seeds. `breaks` are the steps at which the run went
    on with fresh episodes: its bits are not promised from there on. `goes_on` is how it would go on if it ended now,
    one of GOES_ON, and `obstacle` why that is not exact. `machine` is the machine class of the last attempt,
    but for the layout.
    """

    status: str
    environment_steps: int = 0
    message: str = ""
    final_return: float | None = None
    environment_steps_per_second: float | None = None
    process_id: int | None = None
    started: str | None = None
    updated: str | None = None
    host: str | None = None
    attempt: int = 0
    resumed_from_steps: int | None = None
    forced: tuple[str, ...] = ()
    layout: str = ALONE
    seconds: float | None = None  # that the attempt has lasted
    checkpoint_seconds: float = 0.0  # of these, that went to checkpoints
    breaks: Sequence[int] = ()
    goes_on: str | None = None
    obstacle: str | None = None
    checkpoint_steps: int | None = None  # of the newest checkpoint
    name: str | None = None  # of the run, as RunId writes it; None: an earlier version wrote the status
    machine: Mapping[str, str] | None = None  # the same
    packed: bool = False  # it is over, and its checkpoint was left where it was packed


def experiment_id(name: str, choices: Mapping[str, Any]) -> str:
    """A readable name with a hash of every choice, e.g. `dqn-rigl-CartPole-v1-0.9-1a2b3c4d`.

    A changed choice, hence a changed default, gives another id; the order of keys does not. Ids are folder names.
    """
    slug = re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip("-.")[:_LONGEST_NAME] or "experiment"
    return f"{slug}-{_digest(choices)}"


def _digest(choices: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(choices).encode()).hexdigest()[:_DIGITS]


def plan_experiment(directory: str | Path, identifier: str, document: Mapping[str, Any]) -> Path:
    """Write `experiment.json` unless it is there already, and return the experiment's folder.

    `document["choices"]` is what makes the experiment; versions and machine may differ from those first written. What
    is not known there, because an earlier version or a study without a preset wrote it, is filled in. Raises UserError,
    naming the first choice that differs, where the id stands for another experiment, and where the experiment is there
    under another name.
    """
    directory = at_home(directory)
    folder = directory / identifier
    if folder.name != identifier:
        raise ValueError(f"an experiment id is one folder's name, not {identifier!r}")
    if not (folder / "experiment.json").exists():
        if (renamed := find_experiment(directory, identifier)) is not None:
            raise UserError(f"{renamed} holds {identifier}: rename it to that, or choose another output directory")
        write_document(folder / "experiment.json", document)
        return folder
    stored = read_experiment(folder)
    difference = first_difference(stored.get("choices"), plain(document["choices"]))
    if difference is not None:
        where, old, new = difference
        raise UserError(
            f"{folder} holds another experiment: {where} is {old} there and {new} here; "
            "choose another output directory, or move that folder away"
        )
    if (completed := _completed(stored, plain(document))) != stored:
        write_document(folder / "experiment.json", completed)
    return folder


def _completed(stored: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of an experiment with what `new` knows beyond it, a level down, too."""
    filled = {name: new.get(name) if value is None else value for name, value in stored.items()}
    both = {**new, **filled}
    if isinstance(facts := stored.get("facts"), Mapping):
        both["facts"] = {**new.get("facts", {}), **{name: value for name, value in facts.items() if value is not None}}
    return both


def read_experiment(folder: str | Path) -> dict[str, Any]:
    """The document of an experiment, given its folder. Raises UserError naming the file if missing or damaged."""
    path = Path(folder) / "experiment.json"
    if not path.exists():
        raise UserError(f"cannot read {path}: it is not there; it says what its runs are: copy it from where they ran")
    document = read_document(path)
    if not isinstance(document.get("choices"), Mapping):
        raise UserError(f"{path} does not say what its runs are: it has no choices")
    return document


def write_status(run_folder: str | Path, status: Status, through: Path | None = None) -> Status:
    """Put `status` in place of the run's last one, by `write_atomically`, and return it as written.

    What is None of process id, host and start is filled in; the time of the update is now. Returns that are not finite
    are kept as not known, because JSON has no word for them.
    """
    if status.status not in STATUSES:
        raise UserError(field="status", value=status.status, allowed=STATUSES)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    written = status._replace(
        final_return=_finite(status.final_return),
        environment_steps_per_second=_finite(status.environment_steps_per_second),
        process_id=os.getpid() if status.process_id is None else status.process_id,
        host=status.host or platform.node(),
        started=status.started or now,
        updated=now,
    )
    write_document(Path(run_folder) / "status.json", written._asdict(), through)
    return written


def read_status(run_folder: str | Path) -> Status | None:
    """The last status that a run wrote, or None if it wrote none. Raises UserError naming a damaged file."""
    path = Path(run_folder) / "status.json"
    if not path.exists():
        return None
    document = read_document(path)
    if document.get("status") not in STATUSES:
        raise UserError(f"{path} has an unknown status", allowed=STATUSES)
    known = {name: document[name] for name in Status._fields if name in document}
    sequences = {name: tuple(known.get(name, ())) for name in ("forced", "breaks")}  # JSON has lists alone
    return Status(**{**known, **sequences})


def is_over(run_folder: str | Path, status: Status | None) -> bool:
    """Whether a run is a result, not to be trained again: diverged, or finished with its checkpoint, or packed."""
    if status is None or status.status not in ("finished", "diverged"):
        return False
    return status.status == "diverged" or status.packed or has_bundle(Path(run_folder) / "checkpoint")


def experiment_folder(run_folder: str | Path) -> Path:
    """The folder of a run's experiment: that in which the run lies or, where the run is a link, that of its target."""
    folders = Path(run_folder).absolute().parent, Path(os.path.realpath(run_folder)).parent
    return next((folder for folder in folders if (folder / "experiment.json").exists()), folders[0])


def find_experiment(directory: str | Path, identifier: str) -> Path | None:
    """The folder of an experiment in a results directory: that of its name or, where there is none, one renamed."""
    folder = at_home(directory) / identifier
    if (folder / "experiment.json").exists():
        return folder
    return next(iter(renamed_experiments(folder.parent, [identifier]).values()), None)


def renamed_experiments(directory: Path, identifiers: Iterable[str]) -> dict[str, Path]:
    """The folders that hold experiments which are not there under their names; none for those that are nowhere."""
    lacking = {name[-_DIGITS:]: name for name in identifiers if not (directory / name / "experiment.json").exists()}
    renamed: dict[str, Path] = {}
    for name in sorted(os.listdir(directory)) if lacking and directory.is_dir() else ():
        called = _DIGEST.search(name)
        if called is None or called[1] in lacking:  # others are called as the experiments that they hold
            digest = _digest_in(directory / name)
            if digest in lacking:
                renamed.setdefault(lacking[digest], directory / name)
    return renamed


def holds_experiment(folder: Path, identifier: str) -> bool:
    """Whether the choices in a folder are those of an experiment, whatever the folder is called."""
    return _digest_in(folder) == identifier[-_DIGITS:]


def _digest_in(folder: Path) -> str:
    """The end of the id that the choices in a folder have; empty where it has none."""
    try:
        return _digest(read_experiment(folder)["choices"])
    except (UserError, KeyError, TypeError):
        return ""


def find_run(text: str | Path, directories: Iterable[str | Path]) -> Path:
    """The run that a person names: its folder, or its place `<experiment id>/seed=<n>` in one of `directories`.

    Raises UserError with the nearest names where there is no such run.
    """
    places = [at_home(directory) for directory in directories]
    candidates = [at_home(text), *(place / text for place in places)]
    for candidate in candidates:
        folder = Path(os.path.realpath(candidate)) if ".." in candidate.parts else candidate.absolute()
        if _is_folder(folder) and (is_run_folder(folder) or any((folder / name).exists() for name in _OF_A_RUN)):
            return folder
    for candidate in candidates:
        if within := _runs_below(candidate):
            what = "an experiment" if within[0].startswith(f"{candidate.name}/") else "a folder of experiments"
            raise UserError(f"{str(text)!r} is {what}, not a run; name one of {_some(within)}")
    looked = ", ".join(map(str, places)) or "no directory"
    raise UserError(
        f"no run {str(text)!r}: a run is a folder .../seed=<n> or <experiment id>/seed=<n> in {looked}",
        value=str(text),
        names=sorted({name for place in places for name in _runs_below(place)}),
    )


def _is_folder(path: Path) -> bool:
    """Whether it is one or a link to one. Raises UserError where that may not be seen."""
    try:
        return path.is_dir()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _runs_below(place: Path) -> list[str]:
    """The runs in a place as `find_run` takes them; an experiment's own with its name in front."""
    searched = search(place, "evaluations.parquet")
    folders = sorted((each for each in (*searched.folders, *searched.without) if each != place), key=_by_number)
    front = place.parent if any(folder.parent == place for folder in folders) else place
    return [str(folder.relative_to(front)) for folder in folders]


def _by_number(folder: Path) -> tuple[str, int, str]:
    return str(folder.parent), RunId.of(folder).seed if is_run_folder(folder) else -1, folder.name


def _some(names: list[str], largest: int = 6) -> str:
    return ", ".join(names[:largest]) + (f" and {len(names) - largest} more" if len(names) > largest else "")


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def first_difference(old: Any, new: Any, where: str = "choices") -> tuple[str, str, str] | None:
    """The dotted path and both values of the first field, in order of names, that differs; None where none does."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            path = f"{where}.{name}"
            if name not in old or name not in new:
                there, here = (_brief(side[name]) if name in side else "absent" for side in (old, new))
                return path, there, here
            if (difference := first_difference(old[name], new[name], path)) is not None:
                return difference
        return None
    return None if canonical_json(old) == canonical_json(new) else (where, _brief(old), _brief(new))


def _brief(value: Any, longest: int = 60) -> str:
    text = canonical_json(value)
    return text if len(text) <= longest else text[: longest - 3] + "..."
