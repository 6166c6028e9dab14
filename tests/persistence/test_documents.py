"""Documents: one spelling for equal values, and no damaged, hostile or newer file read as if it were sound."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparserl.persistence import UserError, canonical_json, read_document, write_document
from sparserl.persistence.documents import plain
from sparserl.persistence.seal import OPEN_SEAL, seal

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(values)
def test_canonical_json_says_what_the_value_is(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


def test_canonical_json_ignores_the_order_of_keys_and_tells_values_apart() -> None:
    assert canonical_json({"b": 1, "a": {"d": 2, "c": 3}}) == '{"a":{"c":3,"d":2},"b":1}'
    different = [0, 0.0, False, None, "0", "", [], {}, [0], 0.1, 0.1 + 1e-17 + 2e-17, -0.0, 1, True]
    assert len({canonical_json(value) for value in different}) == len(set(map(repr, different)))


def test_plain_turns_what_json_lacks_into_what_it_has() -> None:
    assert plain({"t": (1, np.float32(0.5)), "p": Path("a/b"), "n": np.int64(3)}) == {"t": [1, 0.5], "p": "a/b", "n": 3}
    assert plain([math.nan, math.inf, -math.inf]) == ["NaN", "Infinity", "-Infinity"]
    with pytest.raises(TypeError, match="cannot hold"):
        plain({"f": plain})
    with pytest.raises(TypeError, match="keys of a document are strings"):
        plain({1: 2})


def test_round_trip_is_readable_json(tmp_path: Path) -> None:
    document = {"name": "\u00e9\x1b[31m", "nested": {"list": [1, 2.5, None, True]}}
    write_document(tmp_path / "d.json", document)
    assert read_document(tmp_path / "d.json") == document
    text = (tmp_path / "d.json").read_text()
    assert json.loads(text)["nested"] == document["nested"]
    assert "\x1b" not in text, "what goes to a terminal carries no escape sequences"


def test_flipped_bits_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    write_document(path, {"choices": {"sparsity": 0.9, "tiny": 1e-05}})
    content = path.read_bytes()
    for bit in range(0, 8 * len(content), 3):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"d\.json"):
            read_document(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"[1, 2]", "a list, not an object"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not JSON"),
        (b'{"format": 2}', "format 2, newer than this sparserl"),
        (b'{"format": 1}', "does not match its checksum"),
        (seal(f'{{"format": 99, "seal": "{OPEN_SEAL}"}}'.encode()), "format 99, newer"),
    ],
)
def test_hostile_content_is_told_with_the_name_of_the_file(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "d.json").write_bytes(content)
    with pytest.raises(UserError, match=rf"d\.json .*{said}"):
        read_document(tmp_path / "d.json")


def test_missing_file_and_keys_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*d\.json: No such file"):
        read_document(tmp_path / "d.json")
    with pytest.raises(ValueError, match="'seal'"):
        write_document(tmp_path / "d.json", {"seal": 1})


def test_pipes_and_devices_are_no_files_and_nobody_waits_for_them(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "link"):
        with pytest.raises(UserError, match=f"{name} is no file, but a pipe or a device"):
            read_document(tmp_path / name)
