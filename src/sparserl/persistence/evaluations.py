"""The evaluations of a run as Parquet: tidy, one row per evaluation, every bit under a checksum."""

import io
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sparserl.persistence.atomic import write_atomically
from sparserl.persistence.documents import read_bytes
from sparserl.persistence.seal import OPEN_SEAL, is_intact, seal
from sparserl.types import UserError

FILE_NAME = "evaluations.parquet"

EVALUATION_SCHEMA = pa.schema(
    [
        ("experiment_id", pa.string()),
        ("agent", pa.string()),
        ("method", pa.string()),
        ("environment", pa.string()),
        ("sparsity", pa.float64()),
        ("seed", pa.int64()),
        ("environment_steps", pa.int64()),
        ("num_updates", pa.int64()),
        ("mean_return", pa.float64()),
        ("standard_deviation", pa.float64()),
        ("minimum_return", pa.float64()),
        ("maximum_return", pa.float64()),
        ("num_episodes", pa.int64()),
        ("mean_length_steps", pa.float64()),
        ("live_density", pa.float64()),
        ("seconds", pa.float64()),
    ]
)
"""The columns of every evaluations file: spread over the episodes of one evaluation, `seconds` since the start."""

_ALLOWED = {pa.string(): str, pa.int64(): Integral, pa.float64(): Real}  # left alone, Arrow makes 1 of a seed 1.5


def write_evaluations(run_folder: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put all evaluations of a run so far, one mapping per row, in place of those written before.

    Raises UserError where a row lacks a column, has one that the schema does not know, or a value of another type.
    """
    for row in rows:
        _check_row(row)
    try:
        columns = {field.name: pa.array([row[field.name] for row in rows], field.type) for field in EVALUATION_SCHEMA}
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        raise UserError(f"an evaluation holds a value that does not fit its column: {error}") from error
    write_atomically(Path(run_folder) / FILE_NAME, _to_parquet(pa.table(columns, schema=EVALUATION_SCHEMA)))


def read_evaluations(folder: str | Path) -> pa.Table:
    """All evaluations under `folder`: a results directory, an experiment's folder or a run's folder.

    Rows come by experiment, then seed, then as written. Safe while runs are writing: each file is read at one moment.
    Raises UserError where there are none, or naming the file that is damaged.
    """
    folder = Path(folder)
    levels = ("", "seed=*/", "*/seed=*/")
    files = {path for level in levels for path in folder.glob(level + FILE_NAME)}
    if not files:
        raise UserError(f"{folder} holds no evaluations: expected {FILE_NAME} in it or in its folders seed=<n>")
    return pa.concat_tables([_read_file(path) for path in sorted(files, key=_experiment_and_seed)])


def _check_row(row: Mapping[str, Any]) -> None:
    names = EVALUATION_SCHEMA.names
    for key in row:
        if key not in names:
            near = get_close_matches(str(key), names, n=1, cutoff=0.0)[0]
            raise UserError(f"an evaluation has no column {key!r}; the nearest is {near!r}")
    for field in EVALUATION_SCHEMA:
        value = row.get(field.name)
        if value is None:
            raise UserError(f"an evaluation lacks {field.name!r}; every row has {', '.join(names)}")
        if not isinstance(value, _ALLOWED[field.type]) or isinstance(value, bool):
            raise UserError(f"{field.name!r} of an evaluation is of type {field.type}, not {value!r}")


def _to_parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    options = {"compression": "zstd", "write_page_checksum": True, "store_schema": False}
    with pq.ParquetWriter(buffer, table.schema, **options) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"seal": OPEN_SEAL})  # lies at the very end, behind all columns
    return seal(buffer.getvalue())


def _read_file(path: Path) -> pa.Table:
    content = read_bytes(path)
    if not is_intact(content):
        raise UserError(f"{path} is damaged, or no file of sparserl's: its content does not match its checksum")
    try:
        table = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read()
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
    if not table.schema.equals(EVALUATION_SCHEMA):
        raise UserError(f"{path} has other columns than this sparserl writes: {', '.join(table.schema.names)}")
    return table


def _experiment_and_seed(path: Path) -> tuple[str, int, str]:
    number = path.parent.name.removeprefix("seed=")
    return path.parent.parent.name, int(number) if number.isdecimal() else -1, str(path)
