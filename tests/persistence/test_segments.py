"""Segments: rows of single bytes are compressed; what is no such ring is refused, in little memory."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sparserl.errors import UserError
from sparserl.persistence import Kept, Ring, claim, read_newest, ring_rows, segments, write_generation
from sparserl.persistence.checkpoint import parse_arrays
from sparserl.persistence.segments import Segment

CAPACITY, PIXELS = 40, 5000
EMPTY = {
    "frame": np.zeros((CAPACITY, 2, PIXELS), np.uint8),
    "ended": np.zeros((CAPACITY, 2), bool),
    "reward": np.zeros((CAPACITY, 2), np.float32),
}
SEGMENT = Segment("replay=0-10,attempt=1.safetensors", 0, 10, 0, "")


def ring_of(num_added: int) -> Ring:
    """Dark frames with one bright pixel."""
    arrays = {name: array.copy() for name, array in EMPTY.items()}
    for row in range(num_added):
        arrays["frame"][row % CAPACITY, :, row] = row + 1
        arrays["ended"][row % CAPACITY] = [row % 3 == 0, row % 5 == 0]
        arrays["reward"][row % CAPACITY] = row
    for row in range(max(num_added - CAPACITY, 0), num_added):
        arrays["frame"][row % CAPACITY] = 0
        arrays["frame"][row % CAPACITY, :, row] = row + 1
    return Ring(arrays, num_added)


def refilled(run: Path) -> dict[str, np.ndarray]:
    found, complaints = read_newest(run)
    assert found is not None
    assert complaints == []
    ring = {name: array.copy() for name, array in EMPTY.items()}
    for first, rows in ring_rows(found.segments, found.stored, EMPTY):
        for name, array in rows.items():
            ring[name][(first + np.arange(len(array))) % CAPACITY] = array
    return ring


def size_of(run: Path) -> int:
    return sum(path.stat().st_size for path in run.glob("resume/replay=*"))


@pytest.mark.parametrize("counts", [(7,), (7, 30, 39, 61), (100,)])
@pytest.mark.parametrize("segment_bytes", [2**26, 35_000])
def test_pixels_come_back_and_take_little_room(tmp_path, monkeypatch, counts, segment_bytes) -> None:
    monkeypatch.setattr(segments, "_SEGMENT_BYTES", segment_bytes)
    attempt, kept = claim(tmp_path), Kept()
    for count in counts:
        kept = write_generation(attempt, kept, count, {}, {}, ring_of(count))
        ring = refilled(tmp_path)
        for name, array in ring_of(count).arrays.items():
            assert ring[name].dtype == array.dtype
            np.testing.assert_array_equal(ring[name], array)
    if segment_bytes < 2**26:
        assert all(segment.last - segment.first <= 3 for segment in kept.segments)
    else:
        assert size_of(tmp_path) < min(counts[-1], CAPACITY) * 2 * PIXELS / 10


def test_rows_that_an_older_version_stored_are_read_beside_compressed_ones(tmp_path, monkeypatch) -> None:
    attempt = claim(tmp_path)
    with monkeypatch.context() as older:
        older.setattr(segments, "_packed", lambda name, rows: (name, rows))
        kept = write_generation(attempt, Kept(), 20, {}, {}, ring_of(20))
    write_generation(attempt, kept, 30, {}, {}, ring_of(30))
    for name, array in ring_of(30).arrays.items():
        np.testing.assert_array_equal(refilled(tmp_path)[name], array)


def stored(**changes: np.ndarray) -> dict[str, np.ndarray]:
    rows = {name: array[:10] for name, array in EMPTY.items()}
    arrays = dict(segments._packed(name, array) for name, array in rows.items())
    return {**arrays, **changes}


def zstd(num_bytes: int) -> np.ndarray:
    return np.frombuffer(pa.compress(bytes(num_bytes), "zstd", asbytes=True), np.uint8)


SIZE = 10 * 2 * PIXELS
HOSTILE = {
    "a bomb": ({"frame.zstd": zstd(10**9)}, SEGMENT),
    "a byte more": ({"frame.zstd": zstd(SIZE + 1)}, SEGMENT),
    "a byte less": ({"frame.zstd": zstd(SIZE - 1)}, SEGMENT),
    "no zstd": ({"frame.zstd": np.arange(99, dtype=np.uint8)}, SEGMENT),
    "nothing": ({"frame.zstd": np.zeros(0, np.uint8)}, SEGMENT),
    "cut off": ({"frame.zstd": zstd(SIZE)[:-3]}, SEGMENT),
    "compressed numbers": ({"reward.zstd": zstd(80)}, SEGMENT),
    "another name": ({"frames.zstd": zstd(SIZE)}, SEGMENT),
    "another type": ({"reward": np.zeros((10, 2))}, SEGMENT),
    "another shape": ({"reward": np.zeros((10, 3), np.float32)}, SEGMENT),
    "more rows than the ring has": ({"frame.zstd": zstd(10**9)}, SEGMENT._replace(last=10**6)),
    "rows that are missing": ({}, SEGMENT._replace(first=3, last=13)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_is_no_such_ring_is_refused_in_little_memory(case) -> None:
    changes, segment = HOSTILE[case]
    arrays = stored(**changes)
    if case == "compressed numbers":
        del arrays["reward"]
    pool = pa.default_memory_pool()
    before = pool.max_memory()
    with pytest.raises(UserError, match="replay of another experiment"):
        list(ring_rows([segment], [arrays], EMPTY))
    assert max(pool.max_memory() - before, 0) <= 2 * SIZE
    assert [first for first, _ in ring_rows([SEGMENT], [stored()], EMPTY)] == [0]


def test_compressed_rows_are_flat_bytes_in_the_file(tmp_path) -> None:
    write_generation(claim(tmp_path), Kept(), 4, {}, {}, ring_of(4))
    [path] = tmp_path.glob("resume/replay=*")
    arrays = parse_arrays(path.read_bytes(), path)
    assert set(arrays) == {"frame.zstd", "ended.zstd", "reward"}
    assert pa.decompress(arrays["ended.zstd"].tobytes(), 8, "zstd", asbytes=True) == bytes([1, 1, 0, 0, 0, 0, 1, 0])
