"""The results store as a sink sees it: which runs there are, what has changed, what is new in a run."""

import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sparserl import persistence
from sparserl.errors import UserError
from sparserl.persistence import RunId
from sparserl.sinks.events import IDENTITY, Event, Position, status_mark

Signature = tuple[tuple[int, int, int] | None, ...]  # time of change, inode and size of each file; None: no such file

_STATUS, _EVALUATIONS, _DIAGNOSTICS = _FILES = ("status.json", "evaluations.parquet", "diagnostics.parquet")
_ORDER = ("evaluation", "diagnostics")


def find_runs(places: Iterable[Path], tell: Callable[[str], None] = lambda line: None) -> dict[str, Path]:
    """The folders of all runs by name; a place is a results directory, a study's or experiment's folder, or a run's.

    A run is named by its rows, whatever its folder is called. Of folders that hold one run, that of its name counts, or
    else the first, and others are told of. Raises UserError naming a damaged study.json.
    """
    named = [(_name(folder), folder) for place in places for folder in _runs_in(place)]
    runs: dict[str, Path] = {}
    for name, folder in sorted(named, key=lambda each: f"{each[1].parent.name}/{each[1].name}" != each[0]):
        if (kept := runs.setdefault(name, folder)) != folder and kept.resolve() != folder.resolve():
            tell(f"{folder} is left out: it holds {name}, as {kept} does")
    return {name: runs[name] for name, _ in named}


def _runs_in(place: Path) -> Iterator[Path]:
    if (place / "study.json").exists():
        yield from _runs_of_study(place)
    elif persistence.is_run_folder(place) and not any(place.glob("*/experiment.json")):
        yield place
    else:
        searched = persistence.search(place, _EVALUATIONS)
        yield from sorted((*searched.folders, *filter(persistence.is_run_folder, searched.without)), key=_name)


def _name(folder: Path) -> str:
    """The run in a folder, by its rows or, before it has any, by the folder's name."""
    held = _held(folder, _signature_of_file(folder / _EVALUATIONS))
    return str(held) if held else f"{folder.parent.name}/{folder.name}"


@functools.lru_cache(maxsize=100_000)
def _held(folder: Path, signature: tuple[int, int, int] | None) -> RunId | None:
    return persistence.run_in(folder, persistence.EVALUATIONS) if signature else None


def _runs_of_study(folder: Path) -> Iterator[Path]:
    """The runs of DIR/studies/<name>@<scale>, whether or not they have begun."""
    document, directory = persistence.read_document(folder / "study.json"), folder.absolute().parents[1]
    try:
        identifiers = [str(experiment["identifier"]) for experiment in document["experiments"]]
        seeds = range(int(document["num_seeds"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder / 'study.json'} is from another version of sparserl: {error}") from error
    for identifier in identifiers:
        if Path(identifier).name != identifier:  # results may come from a stranger
            raise UserError(f"{folder / 'study.json'} is damaged: {identifier!r} is no experiment id")
    yield from (RunId(identifier, seed).folder(directory) for seed in seeds for identifier in identifiers)


def signature(run_folder: Path) -> Signature:
    """What changes with each of the run's files; they are replaced, never written in place."""
    return tuple(_signature_of_file(run_folder / name) for name in _FILES)


def _signature_of_file(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def new_events(name: str, folder: Path, position: Position, tell: Callable[[str], None]) -> list[Event]:
    """What a run has stored since `position`, in order; damaged files are told and left out.

    The status is read first and, if the run has ended, passed on last, so that nothing follows the end of a run.
    """
    steps = position.evaluation
    status = _or_nothing(lambda: _new_status(name, folder, position), tell)
    rows = _or_nothing(lambda: _new_evaluations(name, folder, steps), tell)
    last = rows[-1].environment_steps if rows else steps
    rows += _or_nothing(lambda: _new_diagnostics(name, folder, position.diagnostics, last), tell)
    rows.sort(key=lambda event: (event.environment_steps, _ORDER.index(event.kind)))
    return [*status, *rows] if status and status[0].fields["status"] == "running" else [*rows, *status]


def _or_nothing(read: Callable[[], list[Event]], tell: Callable[[str], None]) -> list[Event]:
    try:
        return read()
    except UserError as error:
        tell(str(error))
        return []


def _new_status(name: str, folder: Path, position: Position) -> list[Event]:
    status = persistence.read_status(folder)
    if status is None or status_mark(status._asdict()) == position.status:
        return []
    return [Event(name, "status", status.environment_steps, status._asdict())]


def _new_evaluations(name: str, folder: Path, after_steps: int) -> list[Event]:
    if not (folder / _EVALUATIONS).exists():
        return []
    rows = _rows_within(persistence.read_evaluations(folder), after_steps)
    return [Event(name, "evaluation", row["environment_steps"], row) for row in rows]


def _new_diagnostics(name: str, folder: Path, after_steps: int, up_to_steps: int) -> list[Event]:
    """One event per evaluation, and none before its evaluation, which may be written a moment later."""
    if not (folder / _DIAGNOSTICS).exists():
        return []
    by_steps: dict[int, dict[str, Any]] = {}
    for row in _rows_within(persistence.read_diagnostics(folder), after_steps, up_to_steps):
        steps, network, layer = row["environment_steps"], row.pop("network"), row.pop("layer")
        told = {field: row.pop(field) for field in (*IDENTITY, "num_updates")}
        fields = by_steps.setdefault(steps, {**told, "networks": {}})
        fields["networks"].setdefault(network, {})[layer] = row
    return [Event(name, "diagnostics", steps, fields) for steps, fields in by_steps.items()]


def _rows_within(table: pa.Table, after_steps: int, up_to_steps: int | None = None) -> list[dict[str, Any]]:
    steps = table["environment_steps"]
    wanted = pc.greater(steps, after_steps)
    if up_to_steps is not None:
        wanted = pc.and_(wanted, pc.less_equal(steps, up_to_steps))
    rows: list[dict[str, Any]] = table.filter(wanted).to_pylist()
    return rows
