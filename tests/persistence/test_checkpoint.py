"""Bundles: whole or not at all, and never a wrong number without a word."""

import hashlib
import json
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sparserl.persistence import UserError, checkpoint, has_bundle, read_bundle, write_bundle, write_document

ARRAYS = {
    "q/hidden_1/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "masks/q": np.array([[True, False], [False, True]]),
    "num_updates": np.int32(7),
    "key": np.array([1, 2**63], dtype=np.uint64),
    "nothing": np.zeros((0, 3), dtype=np.float16),
}
FILES = ("arrays.safetensors", "document.json", "manifest.json")


def same(left: np.ndarray, right: np.ndarray) -> bool:
    left, right = np.asarray(left), np.asarray(right)
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


def write_forged(folder: Path, arrays: bytes, document: bytes, **changes: object) -> None:
    """A bundle with correct checksums over content that an attacker chose."""
    folder.mkdir(exist_ok=True)
    contents = {"arrays.safetensors": arrays, "document.json": document}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    entries = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    }
    write_document(folder / "manifest.json", {"files": entries | changes})


dtypes = hnp.boolean_dtypes() | hnp.integer_dtypes() | hnp.unsigned_integer_dtypes() | hnp.floating_dtypes()
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(max_size=8), arrays, max_size=3), st.dictionaries(st.text(), st.integers() | st.text()))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, given_arrays: dict, document: dict) -> None:
    folder = tmp_path_factory.mktemp("bundle") / "checkpoint"
    write_bundle(folder, given_arrays, document)
    found, found_document = read_bundle(folder)
    assert found_document == document
    assert found.keys() == given_arrays.keys()
    native = {name: array.astype(array.dtype.newbyteorder("=")) for name, array in given_arrays.items()}
    assert all(same(found[name], native[name]) for name in native)


def test_arrays_keep_their_values_whatever_their_strides_and_can_be_written(tmp_path: Path) -> None:
    matrix = np.arange(12.0).reshape(3, 4)
    write_bundle(tmp_path / "c", {"transposed": matrix.T, "strided": matrix[::2, 1::2], "scalar": matrix[1, 1]}, {})
    found, _ = read_bundle(tmp_path / "c")
    assert (found["transposed"] == matrix.T).all()
    assert (found["strided"] == [[1, 3], [9, 11]]).all()
    assert found["scalar"].shape == ()
    found["transposed"][0, 0] = 5


def test_flipped_bits_and_truncations_are_noticed_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    write_bundle(folder, ARRAYS, {"environment_steps": 1000, "note": "x"})
    for name in FILES:
        path = folder / name
        content = path.read_bytes()
        for bit in range(0, 8 * len(content), 5):  # all bits of a byte take turns
            damaged = bytearray(content)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            with pytest.raises(UserError, match=name):
                read_bundle(folder)
        for length in range(0, len(content), 31):
            path.write_bytes(content[:length])
            with pytest.raises(UserError, match=name):
                read_bundle(folder)
        path.unlink()
        with pytest.raises(UserError, match=name):
            read_bundle(folder)
        path.write_bytes(content)
    assert read_bundle(folder)[1] == {"environment_steps": 1000, "note": "x"}


def test_files_of_two_bundles_do_not_mix(tmp_path: Path) -> None:
    write_bundle(tmp_path / "a", {"x": np.zeros(3)}, {})
    write_bundle(tmp_path / "b", {"x": np.ones(3)}, {})
    (tmp_path / "a" / "arrays.safetensors").write_bytes((tmp_path / "b" / "arrays.safetensors").read_bytes())
    with pytest.raises(UserError, match=r"arrays\.safetensors is damaged"):
        read_bundle(tmp_path / "a")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "manifest.json", "extra.bin"])
def test_a_manifest_cannot_name_other_files(tmp_path: Path, name: str) -> None:
    good = safetensors.numpy.save({"x": np.zeros(1)})
    write_forged(tmp_path / "c", good, b"{}", **{name: {"bytes": 1, "sha256": "0" * 64}})
    opened: list[str] = []
    armed = True

    def watch(event: str, arguments: tuple) -> None:  # an audit hook stays for good; `armed` puts it to sleep
        if armed and event == "open" and isinstance(arguments[0], str | Path):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    with pytest.raises(UserError, match=r"manifest\.json must list"):
        read_bundle(tmp_path / "c")
    armed = False
    assert opened == [str(tmp_path / "c" / "manifest.json")]


HEADER_BOMB = (2**62).to_bytes(8, "little") + b"{}"
OVERLAP = b'{"x":{"dtype":"F32","shape":[1000000000],"data_offsets":[0,4]}}'


@pytest.mark.parametrize(
    "content", [b"", HEADER_BOMB, len(OVERLAP).to_bytes(8, "little") + OVERLAP + bytes(4), b"\x80\x04K\x01."]
)
def test_hostile_arrays_with_a_correct_checksum_are_refused(tmp_path: Path, content: bytes) -> None:
    write_forged(tmp_path / "c", content, b"{}")
    with pytest.raises(UserError, match=r"arrays\.safetensors is no valid"):
        read_bundle(tmp_path / "c")


@pytest.mark.parametrize("content", [b"[]", b"3", b"nonsense", b"[" * 100_000])
def test_hostile_documents_with_a_correct_checksum_are_refused(tmp_path: Path, content: bytes) -> None:
    write_forged(tmp_path / "c", safetensors.numpy.save({}), content)
    with pytest.raises(UserError, match=r"document\.json is damaged"):
        read_bundle(tmp_path / "c")


@pytest.mark.parametrize("entry", [None, 3, {}, {"bytes": "9"}, {"bytes": True}, {"bytes": -1}, {"bytes": 10**30}])
def test_malformed_entries_are_refused(tmp_path: Path, entry: object) -> None:
    write_forged(tmp_path / "c", safetensors.numpy.save({}), b"{}", **{"document.json": entry})
    with pytest.raises(UserError, match=r"document\.json"):
        read_bundle(tmp_path / "c")


def test_a_newer_format_is_refused_as_such(tmp_path: Path) -> None:
    write_bundle(tmp_path / "c", {}, {})
    path = tmp_path / "c" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(UserError, match=r"manifest\.json has format 2, newer"):
        read_bundle(tmp_path / "c")


def test_what_cannot_be_stored_is_named_and_leaves_the_old_bundle(tmp_path: Path) -> None:
    write_bundle(tmp_path / "c", {"x": np.zeros(2)}, {"age": "old"})
    for name, array in (("text", np.array(["a"])), ("objects", np.array([{}])), ("imaginary", np.array([1j]))):
        with pytest.raises(UserError, match=f"'{name}' has dtype"):
            write_bundle(tmp_path / "c", {name: array}, {})
    with pytest.raises(UserError, match="__metadata__"):
        write_bundle(tmp_path / "c", {"__metadata__": np.zeros(1)}, {})
    assert read_bundle(tmp_path / "c")[1] == {"age": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_writer_killed_between_its_last_steps_leaves_a_bundle(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    assert not has_bundle(folder)
    with pytest.raises(UserError, match="is no checkpoint"):
        read_bundle(folder)
    write_bundle(folder, {}, {"turn": 1})
    folder.rename(tmp_path / ".c.previous")  # killed here, before the new one took its name
    assert has_bundle(folder)
    assert read_bundle(folder)[1] == {"turn": 1}
    write_bundle(folder, {}, {"turn": 2})
    assert read_bundle(folder)[1] == {"turn": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_readers_see_whole_bundles_while_one_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    write_bundle(folder, {"x": np.full(500, 0)}, {"turn": 0})
    done = threading.Event()

    def write() -> None:
        for turn in range(1, 30):
            write_bundle(folder, {"x": np.full(500, turn)}, {"turn": turn})
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    num_reads = 0
    while not done.is_set():
        found, document = read_bundle(folder)
        assert (found["x"] == document["turn"]).all()
        num_reads += 1
    writer.join()
    assert num_reads > 5


def test_a_bundle_moved_aside_between_two_files_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a reader meets between the writer's two renames: the folder it has begun to read is at the other place."""
    folder = tmp_path / "c"
    write_bundle(folder, {"x": np.arange(3)}, {"turn": 1})
    read, moved = checkpoint.read_listed, []

    def read_after_a_move(path: Path, entry: object) -> bytes:
        if not moved:
            moved.append(folder.rename(folder.with_name(".c.previous")))
        return read(path, entry)

    monkeypatch.setattr(checkpoint, "read_listed", read_after_a_move)
    found, document = read_bundle(folder)
    assert moved
    assert (found["x"].tolist(), document) == ([0, 1, 2], {"turn": 1})
