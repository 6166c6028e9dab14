"""Generations: two checkpoints and what they share of the replay; damage is noticed, and the other one read."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from sparserl.persistence import (
    Attempt,
    Generation,
    Kept,
    NewerFormat,
    Ring,
    UserError,
    claim,
    drop_generations,
    has_generations,
    kept_after,
    read_newest,
    ring_rows,
    write_generation,
)

CAPACITY = 10


def ring_of(num_added: int) -> Ring:
    """Rows that tell their number, each where a ring has it."""
    rows = np.zeros((CAPACITY, 2))
    for row in range(num_added):
        rows[row % CAPACITY] = row
    return Ring({"storage/rows": rows, "storage/ended": rows[:, 0] % 2 == 1}, num_added)


def rows_of(found: Generation) -> dict[str, np.ndarray]:
    """What a checkpoint holds of the last `CAPACITY` rows, in order."""
    ring = ring_of(0).arrays
    parts = [rows for _, rows in ring_rows(found.segments, found.stored, ring)]
    return {name: np.concatenate([ring[name][:0], *(rows[name] for rows in parts)])[-CAPACITY:] for name in ring}


def store(attempt: Attempt, *counts: int, kept: Kept = Kept()) -> Kept:  # noqa: B008
    for count in counts:
        kept = write_generation(attempt, kept, count, {"steps": np.int32(count)}, {"turn": count}, ring_of(count))
    return kept


def names(run: Path) -> list[str]:
    return sorted(path.name.removesuffix(".safetensors") for path in (run / "resume").iterdir())


def test_round_trip_of_a_ring_that_grows_and_wraps_around(tmp_path: Path) -> None:
    attempt = claim(tmp_path)
    kept = Kept()
    for count in (0, 3, 4, 4, 9, 10, 17, 18, 40, 41):
        kept = store(attempt, count, kept=kept)
        found, complaints = read_newest(tmp_path)
        assert found is not None
        assert complaints == []
        assert (found.document, int(found.arrays["steps"])) == ({"turn": count}, count)
        rows = rows_of(found)["storage/rows"]
        assert rows[:, 0].tolist() == list(range(max(count - CAPACITY, 0), count))
        if count:
            assert rows_of(found)["storage/ended"].dtype == bool
            assert rows_of(found)["storage/ended"].tolist() == (rows[:, 0] % 2 == 1).tolist()
            assert found.segments[-1].last == count
    drop_generations(attempt)
    assert read_newest(tmp_path) == (None, [])
    assert not has_generations(tmp_path)


def test_two_are_kept_and_segments_as_long_as_one_of_them_needs_them(tmp_path: Path) -> None:
    attempt = claim(tmp_path)
    kept = store(attempt, 3, 6, 9)
    steps = ["step=6,attempt=1", "step=9,attempt=1"]
    assert names(tmp_path) == ["replay=0-3,attempt=1", "replay=3-6,attempt=1", "replay=6-9,attempt=1", *steps]
    store(attempt, 16, 17, kept=kept)
    steps = ["step=16,attempt=1", "step=17,attempt=1"]
    assert names(tmp_path) == ["replay=16-17,attempt=1", "replay=6-9,attempt=1", "replay=9-16,attempt=1", *steps]


def test_a_ring_that_was_filled_anew_between_two_checkpoints_is_stored_once(tmp_path: Path) -> None:
    store(claim(tmp_path), 3, 95)
    assert names(tmp_path)[:2] == ["replay=0-3,attempt=1", "replay=85-95,attempt=1"]


def test_runs_without_a_ring(tmp_path: Path) -> None:
    attempt = claim(tmp_path)
    write_generation(attempt, Kept(), 5, {"x": np.ones(2)}, {}, None)
    found, _ = read_newest(tmp_path)
    assert found is not None
    assert (found.segments, found.stored) == ((), ())


def test_a_newer_attempt_goes_on_from_what_an_older_one_left(tmp_path: Path) -> None:
    store(claim(tmp_path), 4, 8)
    shutil.rmtree(tmp_path / ".attempt=1")
    (tmp_path / "lease.json").unlink()
    found, _ = read_newest(tmp_path)
    assert found is not None
    newer = Attempt(tmp_path, 2)
    newer.scratch.mkdir()
    store(newer, 9, kept=kept_after(found))
    assert names(tmp_path)[-2:] == ["step=8,attempt=1", "step=9,attempt=2"]
    assert rows_of(read_newest(tmp_path)[0])["storage/rows"][:, 0].tolist() == list(range(9))


def test_steps_of_a_newer_attempt_count_before_more_steps_of_an_older_one(tmp_path: Path) -> None:
    """As after a damaged checkpoint, or another machine that a person accepted."""
    store(claim(tmp_path), 4, 8)
    newer = Attempt(tmp_path, 2)
    newer.scratch.mkdir()
    write_generation(newer, Kept((("step=4,attempt=1", ()),)), 6, {}, {"turn": 6}, None)
    assert read_newest(tmp_path)[0].document == {"turn": 6}


def damaged(content: bytes, random_numbers: random.Random) -> bytes:
    """One flipped bit, an end cut off, a page of zeros, or nothing at all."""
    kind = random_numbers.randrange(4)
    at = random_numbers.randrange(len(content))
    if kind == 0:
        return content[:at] + bytes([content[at] ^ 1 << random_numbers.randrange(8)]) + content[at + 1 :]
    if kind == 1:
        return content[:at]
    if kind == 2:
        page = content[at : at + 4096]
        return content[:at] + bytes(len(page)) + content[at + len(page) :]
    return content + bytes(1)


def test_a_thousand_damages_are_noticed_and_the_older_checkpoint_is_read(tmp_path: Path) -> None:
    """R8 for checkpoints: flipped bits, cut ends, pages of zeros over every file of the newest one."""
    store(claim(tmp_path), 6, 9)
    newest = [
        *(tmp_path / "resume" / "step=9,attempt=1").iterdir(),
        tmp_path / "resume/replay=6-9,attempt=1.safetensors",
    ]
    contents = {path: path.read_bytes() for path in newest}
    random_numbers, num_noticed = random.Random(3), 0
    for turn in range(1000):
        path = newest[turn % len(newest)]
        harmed = damaged(contents[path], random_numbers)
        path.write_bytes(harmed)
        found, complaints = read_newest(tmp_path)
        assert found is not None
        if harmed == contents[path]:  # zeros over zeros
            assert (found.document, complaints) == ({"turn": 9}, [])
        else:
            assert found.document == {"turn": 6}, path
            assert rows_of(found)["storage/rows"][:, 0].tolist() == list(range(6))
            [complaint] = complaints
            assert path.name in complaint or "9,attempt=1" in complaint
            assert "\n" not in complaint
            num_noticed += 1
        path.write_bytes(contents[path])
    assert num_noticed > 900
    assert read_newest(tmp_path)[0].document == {"turn": 9}


def test_a_segment_that_both_need_is_lost(tmp_path: Path) -> None:
    store(claim(tmp_path), 6, 9)
    (tmp_path / "resume/replay=0-6,attempt=1.safetensors").unlink()
    found, complaints = read_newest(tmp_path)
    assert found is None
    assert len(complaints) == 2


def test_a_newer_format_is_refused_and_not_passed_over(tmp_path: Path) -> None:
    store(claim(tmp_path), 6, 9)
    manifest = tmp_path / "resume/step=9,attempt=1/manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(NewerFormat, match="has format 2, newer than this sparserl"):
        read_newest(tmp_path)


@pytest.mark.parametrize(
    "segments",
    [
        None,
        3,
        [{"file": "../../secret"}],
        [{"file": "../secret", "first": 0, "last": 9, "bytes": 1, "sha256": "0"}],
        [{"file": "/etc/passwd", "first": 0, "last": 9, "bytes": 1, "sha256": "0"}],
        [{"file": "replay=0-9,attempt=1.safetensors", "first": 9, "last": 0, "bytes": 1, "sha256": "0"}],
    ],
)
def test_hostile_segments_are_refused(tmp_path: Path, segments: object) -> None:
    from sparserl.persistence import write_bundle

    write_bundle(tmp_path / "resume" / "step=9,attempt=1", {}, {"segments": segments})
    found, [complaint] = read_newest(tmp_path)
    assert found is None
    assert "segments" in complaint


def test_a_full_disk_leaves_the_older_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sparserl.persistence import generations

    attempt = claim(tmp_path)
    kept = store(attempt, 6, 9)

    def full(*arguments: object) -> None:
        raise UserError("cannot write: No space left on device")

    monkeypatch.setattr(generations, "write_bundle", full)
    with pytest.raises(UserError, match="No space"):
        store(attempt, 10, kept=kept)
    assert read_newest(tmp_path)[0].document == {"turn": 9}
    monkeypatch.undo()
    store(attempt, 10, kept=kept)  # there is room again; the segment of the try before is written again
    assert read_newest(tmp_path)[0].document == {"turn": 10}
    assert not list(tmp_path.rglob("*.partial"))
