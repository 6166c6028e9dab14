"""Contents: which runs a place holds, by the rows in their folders, because people rename, copy and merge folders."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from sparserl.errors import UserError
from sparserl.persistence.documents import read_bytes
from sparserl.persistence.results import read_status
from sparserl.persistence.runs import RunId, is_run_folder, seed_folder
from sparserl.persistence.searching import Search, search
from sparserl.persistence.tables import Table, parse_table
from sparserl.processes.homes import at_home
from sparserl.processes.log import tell

_MOST_LINES = 8  # about what is left out
Complete = Callable[[Path, pa.Table], pa.Table]


class StoredRun(NamedTuple):
    """A run as it is on disk: which one it is, its folder, whatever that is called, and its rows."""

    run: RunId
    folder: Path
    rows: pa.Table


def read_table(table: Table, place: str | Path, complete: Complete = lambda path, rows: rows) -> pa.Table:
    """All rows of `read_runs`, by experiment, then seed, then as written."""
    return pa.concat_tables([stored.rows for stored in read_runs(table, place, complete)])


def read_runs(
    table: Table, place: str | Path, complete: Complete = lambda path, rows: rows, say: Callable[[str], None] = tell
) -> list[StoredRun]:
    """Every run that has such rows in or below `place`, once, by experiment and seed.

    `complete` may fill in what a file of an earlier version lacks. What is left out is said in a line each: copies, and
    what cannot be looked into. Safe while runs are writing: each file is read at one moment. Raises UserError where
    there are none, naming a file that is damaged, or naming two folders that hold one run and differ.
    """
    place = at_home(place)
    searched = _searched(table, place)
    read = [_read(table, folder, complete) for folder in searched.folders]
    lines = _about(table, searched)
    runs = [_only(table, copies, lines) for copies in _by_run(read)]
    lines += filter(None, map(_misnamed, runs))
    for line in lines[:_MOST_LINES]:
        say(line)
    if len(lines) > _MOST_LINES:
        say(f"and {len(lines) - _MOST_LINES} more folders in {place} are left out or are not what they are called")
    return runs


def readable_runs(
    table: Table, place: str | Path, complete: Complete = lambda path, rows: rows
) -> tuple[list[StoredRun], list[str]]:
    """The runs of `read_runs` that can be read, and a line for each thing that is left out, or not as it is called.

    A damaged file costs the run that it is of and no other; of two folders that hold one run and differ, neither
    counts. Raises UserError where there is no file to read.
    """
    searched = _searched(table, at_home(place))
    lines = _about(table, searched)
    read = _readable((partial(_read, table, folder, complete) for folder in searched.folders), lines)
    runs = list(_readable((partial(_only, table, copies, lines) for copies in _by_run(read)), lines))
    lines += filter(None, map(_misnamed, runs))
    return runs, lines


def _readable(readings: Iterable[Callable[[], StoredRun]], lines: list[str]) -> Iterator[StoredRun]:
    """What can be read; a line for each thing that cannot."""
    for read in readings:
        try:
            yield read()
        except UserError as error:
            lines.append(f"left out: {error}")


def _searched(table: Table, place: Path) -> Search:
    """Where in `place` there are such rows. Raises UserError where there are none."""
    searched = search(place, table.file_name)
    if not searched.folders:
        raise UserError(f"{place} holds no {table.rows}: {_why_none(place, table, searched)}")
    return searched


def _about(table: Table, searched: Search) -> list[str]:
    """A line for what could not be looked into, and for each run whose rows are missing."""
    return [*searched.left_out, *(_incomplete(searched.without) if table.of_every_run else ())]


def _by_run(read: Iterable[StoredRun]) -> list[list[StoredRun]]:
    """The folders of each run, by experiment and seed."""
    copies: dict[RunId, list[StoredRun]] = {}
    for stored in read:
        copies.setdefault(stored.run, []).append(stored)
    return [copies[run] for run in sorted(copies)]


def _why_none(place: Path, table: Table, searched: Search) -> str:
    if not place.exists():
        return f"it is a link to {place.readlink()}, which is not there" if place.is_symlink() else "it is not there"
    if not place.is_dir():
        return "it is a file; name a results directory, an experiment's folder or a run's"
    if (place / "study.json").exists():
        return f"it is the plan of a study, whose runs lie in {place.absolute().parents[1]}"
    lines = [*searched.left_out, *_incomplete(searched.without)]
    return "; ".join([f"expected {table.file_name} in it or in its folders seed=<n>", *lines[:1]])


def _incomplete(folders: list[Path]) -> Iterator[str]:
    """A line for each run that has come to its end without a row, which happens to those that are copied in part."""
    for folder in folders:
        try:
            status = read_status(folder)
        except UserError as error:
            yield f"{folder} is left out: {error}"
            continue
        if status is not None and status.status in ("finished", "diverged"):
            yield f"{folder} is left out: it has {status.status}, and its rows are missing; copy it again"
        elif not any(folder.iterdir()):
            yield f"{folder} is left out: it is empty"


def run_in(folder: str | Path, table: Table) -> RunId | None:
    """The run whose rows a folder holds; None where it has none, and where they are damaged."""
    with suppress(UserError):
        stored = _read(table, Path(folder), lambda path, rows: rows)
        return stored.run if stored.rows.num_rows else None
    return None


def _read(table: Table, folder: Path, complete: Complete) -> StoredRun:
    path = folder / table.file_name
    rows = complete(path, parse_table(table, read_bytes(path), path))
    if rows.num_rows:
        return StoredRun(RunId(rows["experiment_id"][0].as_py(), rows["seed"][0].as_py()), folder, rows)
    own = folder.absolute()
    return StoredRun(RunId.of(own) if is_run_folder(own) else RunId(own.name, 0), folder, rows)


def _only(table: Table, copies: list[StoredRun], lines: list[str]) -> StoredRun:
    """The one that counts of several copies of a run: the furthest and, of equals, that in its own place."""
    kept, *others = sorted(copies, key=lambda stored: (-stored.rows.num_rows, not _is_in_place(stored)))
    for other in others:
        if (where := _first_difference(table, kept.rows, other.rows)) is not None:
            raise UserError(
                f"{kept.folder} and {other.folder} are both {kept.run} and differ {where}: move one of them away"
            )
        state = "a copy" if other.rows.num_rows == kept.rows.num_rows else "an earlier state"
        lines.append(f"{other.folder} is {state} of {kept.folder}: {kept.run} counts once")
    return kept


def _is_in_place(stored: StoredRun) -> bool:
    return stored.folder.absolute().parts[-2:] == (stored.run.experiment, seed_folder(stored.run.seed))


def _misnamed(stored: StoredRun) -> str:
    """Says that a folder is called as another seed than it holds; empty where it is not."""
    own = stored.folder.absolute()
    if not is_run_folder(own) or RunId.of(own).seed == stored.run.seed:
        return ""
    return f"{stored.folder} holds {stored.run}, by its rows, and counts as that"


def _first_difference(table: Table, some: pa.Table, others: pa.Table) -> str | None:
    """Where two states of one run differ first in what both have, in words, but for the time that it took."""
    columns = [name for name in table.schema.names if name not in (*table.later, "seconds")]
    states = [rows.select(columns).to_pylist() for rows in (some, others)]
    if "environment_steps" not in columns:  # rows are in no order of time: evaluations under noise
        known = {row["observation_noise"]: row for row in states[1]}
        states = [[row for row in states[0] if row["observation_noise"] in known], []]
        states[1] = [known[row["observation_noise"]] for row in states[0]]
    pairs = zip(*states, strict=False)
    return next((_place(row) for row, other in pairs if repr(row) != repr(other)), None)  # NaN is NaN


def _place(row: dict[str, Any]) -> str:
    steps = row.get("environment_steps")
    return f"under noise of {row['observation_noise']:g}" if steps is None else f"from step {steps:,} on"
