"""Tables of a run as Parquet: tidy, one row per thing observed, every bit under a checksum."""

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from numbers import Integral, Real
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sparserl.errors import UserError
from sparserl.persistence.atomic import write_atomically
from sparserl.persistence.seal import OPEN_SEAL, is_intact, seal

LIST_OF_COUNTS = pa.list_(pa.field("element", pa.int32()))  # Parquet calls what is in a list its element
_ALLOWED = {pa.string(): str, pa.int64(): Integral, pa.float64(): Real, LIST_OF_COUNTS: list}  # Arrow makes 1 of 1.5

WHOSE = (
    ("experiment_id", pa.string()),
    ("agent", pa.string()),
    ("method", pa.string()),
    ("environment", pa.string()),
    ("sparsity", pa.float64()),
    ("seed", pa.int64()),
)
"""The first columns of every table: whose run it is."""


class Table(NamedTuple):
    """A kind of table: its file in a run's folder, its columns, what a row and all rows are called, who may be null.

    Columns that came `later`, in the order in which they came, are null in files of an earlier version, and wherever a
    row leaves them out.
    """

    file_name: str
    schema: pa.Schema
    row: str  # as in "an evaluation"
    rows: str
    nullable: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()  # these are the last ones
    of_every_run: bool = False  # who has come to an end has rows


def write_table(
    table: Table, run_folder: str | Path, rows: Sequence[Mapping[str, Any]], through: Path | None = None
) -> None:
    """Put all rows of a run so far, one mapping each, in place of those written before, by `write_atomically`.

    Raises UserError where a row lacks a column, has one that the schema does not know, or a value of another type.
    """
    write_atomically(Path(run_folder) / table.file_name, _to_parquet(_typed(table, rows)), through)


def pack_rows(table: Table, rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Rows as one array of bytes, for a checkpoint. Raises UserError as `write_table` does."""
    return np.frombuffer(_to_parquet(_typed(table, rows)), np.uint8)


def unpack_rows(table: Table, packed: np.ndarray, where: str) -> list[dict[str, Any]]:
    """The rows of `pack_rows`. Raises UserError saying `where` they are damaged."""
    return parse_table(table, packed.tobytes(), f"{table.file_name} in {where}").to_pylist()


def has_table(table: Table, run_folder: str | Path) -> bool:
    """Whether a run has written any rows."""
    return (Path(run_folder) / table.file_name).exists()


def _typed(table: Table, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    for row in rows:
        _check_row(table, row)
    try:
        columns = {field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in table.schema}
    except (pa.ArrowException, OverflowError, UnicodeError) as error:
        raise UserError(f"{table.row} holds a value that does not fit its column: {error}") from error
    return pa.table(columns, schema=table.schema)


def _check_row(table: Table, row: Mapping[str, Any]) -> None:
    names = table.schema.names
    for key in row:
        if key not in names:
            raise UserError(f"{table.row} has no column {key!r}", value=key, names=names)
    for field in table.schema:
        value = row.get(field.name)
        if value is None and (field.name in table.later or (field.name in row and field.name in table.nullable)):
            continue
        if value is None:
            always = ", ".join(name for name in names if name not in table.later)
            raise UserError(f"{table.row} lacks {field.name!r}; every row has {always}")
        if not isinstance(value, _ALLOWED[field.type]) or isinstance(value, bool):
            raise UserError(f"{field.name!r} of {table.row} is of type {field.type}, not {value!r}")


def _to_parquet(table: pa.Table) -> bytes:
    buffer, table = io.BytesIO(), _with_seeds(table, pa.int32())
    options = {"compression": "zstd", "write_page_checksum": True, "store_schema": False}
    with pq.ParquetWriter(buffer, table.schema, **options) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"seal": OPEN_SEAL})  # lies at the very end, behind all columns
    return seal(buffer.getvalue())


def parse_table(table: Table, content: bytes, path: Path | str) -> pa.Table:
    """The rows in a file's content. Raises UserError naming `path` where it is damaged or of another kind."""
    if not is_intact(content):
        raise UserError(f"{path} is damaged, or no file of sparserl's: its content does not match its checksum")
    try:
        read = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
    read = _with_seeds(_with_later_columns(table, read), pa.int64())
    if not read.schema.equals(table.schema):
        raise UserError(f"{path} has other columns than this sparserl writes: {', '.join(read.schema.names)}")
    return read


def _with_seeds(table: pa.Table, kind: pa.DataType) -> pa.Table:
    """The table with seeds of this type, if they fit: in files 32 bits, as Arrow reads `seed=<n>` in their paths."""
    column = table.schema.get_field_index("seed")
    if column < 0:
        return table
    with suppress(pa.ArrowInvalid):  # Arrow reads a larger one in a path as a word
        return table.set_column(column, pa.field("seed", kind), table["seed"].cast(kind))
    return table


def _with_later_columns(table: Table, read: pa.Table) -> pa.Table:
    """What an earlier version wrote, with nulls in the columns that it did not know, wherever they have their place."""
    names, known = read.schema.names, set(read.schema.names)
    if (
        names == table.schema.names
        or len(known) < len(names)
        or not set(table.schema.names) - table.later <= known <= set(table.schema.names)
    ):
        return read
    columns = {field.name: field for field in table.schema}
    nulls = lambda field: pa.nulls(read.num_rows, field.type)
    return pa.table({name: read[name] if name in known else nulls(field) for name, field in columns.items()})
