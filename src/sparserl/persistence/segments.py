"""Segments: the rows of a ring on disk, in files that are written once.

Rows of single bytes, such as pixels, are compressed with zstd, as `<array>.zstd`. They become rows again one segment at
a time, so that a ring of many gigabytes needs little memory beside its own.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pyarrow as pa

from sparserl.errors import UserError
from sparserl.persistence.atomic import write_atomically
from sparserl.persistence.attempts import CHECKPOINTS, Attempt
from sparserl.persistence.checkpoint import arrays_content, file_entry, parse_arrays, read_listed

_SEGMENT_BYTES = 2**26  # of rows, at most, in one file
_COMPRESSED = ".zstd"
_CODEC = pa.Codec("zstd", compression_level=1)


class Ring(NamedTuple):
    """The last `capacity` rows of what only grows: row i is at i modulo capacity of each array; `num_added` ever."""

    arrays: dict[str, np.ndarray]
    num_added: int

    @property
    def capacity(self) -> int:
        return len(next(iter(self.arrays.values())))


class Shaped(Protocol):
    """An array, or what says how an array looks."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...


class Segment(NamedTuple):
    """A file of the rows `first` to `last` - 1 of a ring."""

    file: str
    first: int
    last: int
    bytes: int
    sha256: str


def with_new_rows(attempt: Attempt, segments: tuple[Segment, ...], ring: Ring) -> tuple[Segment, ...]:
    """The segments that hold the ring, with a new one for the rows that no segment has."""
    oldest = max(ring.num_added - ring.capacity, 0)
    needed = tuple(segment for segment in segments if segment.last > oldest)
    first = max(needed[-1].last if needed else 0, oldest)
    if first == ring.num_added:
        return needed
    row_bytes = sum(array.nbytes for array in ring.arrays.values()) // ring.capacity
    most = max(_SEGMENT_BYTES // max(row_bytes, 1), 1)
    bounds = itertools.pairwise([*range(first, ring.num_added, most), ring.num_added])
    return *needed, *(_write_segment(attempt, ring, first, last) for first, last in bounds)


def listed_segments(entries: Any, folder: Path) -> tuple[Segment, ...]:
    try:
        segments = tuple(Segment(**entry) for entry in entries)
        rows = [(int(segment.first), int(segment.last)) for segment in segments]
    except (TypeError, ValueError) as error:
        raise UserError(f"{folder} lists its segments in a way that this sparserl does not know") from error
    joined = all(before[1] == after[0] for before, after in itertools.pairwise(rows))
    plain = all(re.fullmatch(r"replay=\d+-\d+,attempt=\d+\.safetensors", str(s.file)) for s in segments)
    if not joined or not plain or any(first >= last for first, last in rows):
        raise UserError(f"{folder} lists segments that do not fit together")
    return segments


def read_segments(folder: Path, segments: tuple[Segment, ...]) -> tuple[dict[str, np.ndarray], ...]:
    stored = tuple(_read_segment(folder / segment.file, segment) for segment in segments)
    if any(_names(arrays) != _names(stored[0]) for arrays in stored):
        raise UserError(f"{folder}: the segments of the replay do not fit together")
    return stored


def ring_rows(
    segments: Sequence[Segment], stored: Sequence[Mapping[str, np.ndarray]], ring: Mapping[str, Shaped]
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """The rows of a ring of such arrays that `segments` hold: of each, the number of its first row, and rows by array.

    Later ones take the places of older ones. Raises UserError where what is stored is not of such a ring; no more
    memory is used than such rows take.
    """
    strange = UserError("the segments of its checkpoint hold a replay of another experiment")
    capacity = min(array.shape[0] for array in ring.values())
    if segments and segments[0].first > max(segments[-1].last - capacity, 0):
        raise strange
    for segment, arrays in zip(segments, stored, strict=True):
        num_rows = segment.last - segment.first
        if num_rows > capacity or _names(arrays) != ring.keys():
            raise strange
        shape = lambda array, num_rows=num_rows: (num_rows, *array.shape[1:])
        rows = {name: _unpacked(arrays, name, shape(array), np.dtype(array.dtype)) for name, array in ring.items()}
        if any(array is None for array in rows.values()):
            raise strange
        yield segment.first, {name: array for name, array in rows.items() if array is not None}


def _write_segment(attempt: Attempt, ring: Ring, first: int, last: int) -> Segment:
    at = np.arange(first, last) % ring.capacity
    content = arrays_content(dict(_packed(name, array[at]) for name, array in ring.arrays.items()))
    name = f"replay={first}-{last},attempt={attempt.number}.safetensors"
    write_atomically(attempt.run_folder / CHECKPOINTS / name, content, attempt.scratch)
    return Segment(name, first, last, **file_entry(content))


def _packed(name: str, rows: np.ndarray) -> tuple[str, np.ndarray]:
    """The name and the array that a file has of rows: single bytes are compressed, numbers hardly can be."""
    if rows.dtype.itemsize > 1:
        return name, rows
    return name + _COMPRESSED, np.frombuffer(_CODEC.compress(np.ascontiguousarray(rows)), np.uint8)


def _unpacked(
    stored: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...], dtype: np.dtype
) -> np.ndarray | None:
    """Rows of this shape and type; None where that is not what is stored."""
    if (rows := stored.get(name)) is not None:
        return rows if (rows.shape, rows.dtype) == (shape, dtype) else None
    size = math.prod(shape)
    if dtype.itemsize > 1 or not size:
        return None
    try:  # into so many bytes and no more, whatever the content says
        content = _CODEC.decompress(pa.py_buffer(stored[name + _COMPRESSED]), decompressed_size=size)
    except (OSError, pa.ArrowException):
        return None
    flat = np.frombuffer(content, np.uint8)
    return flat.reshape(shape).astype(dtype, copy=False) if flat.size == size else None


def _read_segment(path: Path, segment: Segment) -> dict[str, np.ndarray]:
    arrays = parse_arrays(read_listed(path, {"bytes": segment.bytes, "sha256": segment.sha256}), path)
    num_rows = segment.last - segment.first
    fits = lambda name, array: (
        array.ndim == 1 and array.dtype == np.uint8 if name.endswith(_COMPRESSED) else array.shape[:1] == (num_rows,)
    )
    if not arrays or not all(fits(name, array) for name, array in arrays.items()):
        raise UserError(f"{path} does not hold the rows {segment.first} to {segment.last}")
    return arrays


def _names(arrays: Mapping[str, np.ndarray]) -> set[str]:
    return {name.removesuffix(_COMPRESSED) for name in arrays}
