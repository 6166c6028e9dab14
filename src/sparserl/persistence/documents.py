"""JSON documents: plain values, one canonical spelling for hashing, and sealed files."""

import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sparserl.errors import UserError
from sparserl.persistence.atomic import user_error, write_atomically
from sparserl.persistence.seal import OPEN_SEAL, is_intact, seal

FORMAT = 1  # of every document and checkpoint; raised when an older sparserl could misread a file
_LARGEST_BYTES = 64 * 2**20
_AT_ONCE = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe is not to wait for somebody who writes
_OWN_KEYS = ("format", "seal")


class NewerFormat(UserError):
    """A file that a newer sparserl wrote: not damaged, and nothing older takes its place."""


def plain(value: Any) -> Any:
    """`value` as JSON has it: tuples become lists, NumPy scalars Python numbers, NaN and infinities strings.

    Raises TypeError for what JSON cannot say, because a guess would end up in an experiment's identity.
    """
    if value is None or type(value) in (bool, int, str):  # almost all of them
        return value
    match value:
        case Mapping():
            if wrong := [key for key in value if not isinstance(key, str)]:
                raise TypeError(f"keys of a document are strings, not {wrong[0]!r}")
            return {key: plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [plain(entry) for entry in value]
        case np.generic():
            return plain(value.item())
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case None | bool() | int() | float() | str():
            return value
        case Path():
            return str(value)
    raise TypeError(f"a document cannot hold {value!r} of type {type(value).__name__}")


def canonical_json(value: Any) -> str:
    """The one spelling of `value`: keys sorted, no spaces, ASCII; equal values have equal texts and no others have."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def write_document(path: str | Path, document: Mapping[str, Any], through: Path | None = None) -> None:
    """Write `document` as readable JSON, with a format number in front and a seal at the end, by `write_atomically`."""
    if taken := [key for key in _OWN_KEYS if key in document]:
        raise ValueError(f"the key {taken[0]!r} of a document belongs to the file itself")
    whole = {"format": FORMAT, **plain(document), "seal": OPEN_SEAL}
    write_atomically(path, seal(json.dumps(whole, indent=2, allow_nan=False).encode() + b"\n"), through)


def read_document(path: str | Path) -> dict[str, Any]:
    """What `write_document` wrote. Raises UserError naming the file if it is missing, damaged, edited or too new."""
    path = Path(path)
    content = read_bytes(path, _LARGEST_BYTES)
    document = parse_object(content, path)
    number = document.get("format")
    if isinstance(number, int) and number > FORMAT:
        raise NewerFormat(f"{path} has format {number}, newer than this sparserl, which reads up to format {FORMAT}")
    if not is_intact(content):
        raise UserError(f"{path} is damaged or was edited: its content does not match its checksum")
    return {key: value for key, value in document.items() if key not in _OWN_KEYS}


def parse_object(content: bytes, path: Path) -> dict[str, Any]:
    """The JSON object in `content`. Raises UserError naming `path` for anything else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged: not JSON ({type(error).__name__})") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} is damaged: its JSON is a {type(value).__name__}, not an object")
    return value


def read_bytes(path: Path, largest_bytes: int | None = None) -> bytes:
    """The whole file at one moment. Raises UserError naming it if it cannot be read or is larger than allowed.

    Pipes and devices, to which a link may lead, are no files: they would be waited for, or have no end.
    """
    with user_error("read", path):
        descriptor = os.open(path, _AT_ONCE)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
                raise UserError(f"{path} is no file, but a pipe or a device: copy the file again")
            with os.fdopen(descriptor, "rb", closefd=False) as file:  # which tells of a folder
                size = status.st_size  # a buffer of all that is allowed would cost more than most files
                content = file.read() if largest_bytes is None else file.read(min(size, largest_bytes) + 1)
        finally:
            os.close(descriptor)
    if largest_bytes is not None and len(content) > largest_bytes:
        raise UserError(f"{path} is larger than the {largest_bytes} bytes that it may have")
    return content
