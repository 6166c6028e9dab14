"""Gathered rows: evaluations of many runs in one Parquet file, as people publish them, and nothing beside it."""

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparserl.persistence import EVALUATION_SCHEMA, EVALUATIONS, FACTS, RunId, UserError, is_run_folder
from sparserl.persistence.seal import is_sealed

_TELLING = ("agent", "method", "environment", "sparsity", "preset")
_FURTHER = tuple(name for name in FACTS if name != "preset")  # said where rows of one name differ in them
_OURS = re.compile("-[0-9a-f]{8}$")  # the end of an identifier, which tells experiments apart alone
_NEEDED = ("agent", "method", "environment", "sparsity", "seed", "environment_steps", "mean_return")


def gathered_file(place: Path) -> Path | None:
    """The file of gathered rows that `place` is or has; None where it is a folder of runs, or one of a run's.

    A run's own file has a checksum, whether it still fits or not.
    """
    path = place if place.is_file() and place.suffix == ".parquet" else place / EVALUATIONS.file_name
    if path != place and (not path.is_file() or is_run_folder(place.absolute()) or (place / "status.json").exists()):
        return None
    try:
        return path if path == place or not is_sealed(path.read_bytes()) else None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def gathered_rows(path: Path) -> Iterator[tuple[RunId, pa.Table]]:
    """The rows of each run in a file, by experiment and seed, in the order of their steps; nulls for what it lacks.

    Rows without an identifier of ours, as those of other libraries, are told apart by agent, method, environment,
    sparsity and preset, and by other facts where rows of one name differ in these. Raises UserError, naming the file,
    where it cannot be read or lacks a column.
    """
    try:
        read = pq.read_table(path)
        table = pa.table([_column(read, field) for field in EVALUATION_SCHEMA], schema=EVALUATION_SCHEMA)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} is damaged, or no evaluations: {str(error).splitlines()[0]}") from error
    for name in _NEEDED:
        if name not in read.schema.names or table[name].null_count:
            raise UserError(f"{path} has rows without {name}: every evaluation has {', '.join(_NEEDED)}")
    table = table.set_column(0, "experiment_id", _identifiers(table))
    table = table.sort_by([(name, "ascending") for name in ("experiment_id", "seed", "environment_steps")])
    names, seeds = table["experiment_id"].to_numpy(), table["seed"].to_numpy()
    begins = np.flatnonzero((names[1:] != names[:-1]) | (seeds[1:] != seeds[:-1])) + 1
    for first, last in itertools.pairwise([0, *begins.tolist(), table.num_rows]) if table.num_rows else ():
        yield RunId(names[first], int(seeds[first])), table.slice(first, last - first)


def _identifiers(table: pa.Table) -> pa.Array:
    """The identifiers of experiments, made of what else they are where there is none of ours."""
    columns = lambda names: (table[name].to_pylist() for name in names)
    made = [_made(parts) for parts in zip(*columns(_TELLING), strict=True)]
    for fact, values in zip(_FURTHER, columns(_FURTHER), strict=True):
        seen = set(zip(made, values, strict=True))
        several = {name for name, count in Counter(name for name, _ in seen).items() if count > 1}
        made = [
            f"{name}-{fact}={_made([value])}" if name in several and value is not None else name
            for name, value in zip(made, values, strict=True)
        ]
    kept = table["experiment_id"].to_pylist()
    return pa.array([each if each and _OURS.search(each) else name for each, name in zip(kept, made, strict=True)])


def _made(parts: Iterable[str | float | None]) -> str:
    return "-".join(f"{part:g}" if isinstance(part, float) else str(part) for part in parts if part is not None)


def _column(read: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    return read[field.name].cast(field.type) if field.name in read.schema.names else pa.nulls(read.num_rows, field.type)
