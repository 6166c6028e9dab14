"""Checkpoints: a folder of arrays and a document that appears whole or not at all and is proven when it is read.

    checkpoint/manifest.json         size and SHA-256 of the two other files, under a seal of its own
    checkpoint/arrays.safetensors    the arrays by name
    checkpoint/document.json         everything else

A folder cannot be replaced in one step. The old one is moved to `.checkpoint.previous`, the new one takes its name,
then the old one goes. A writer killed in between leaves at least one whole folder, and readers know both names.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from sparserl.errors import UserError
from sparserl.persistence.atomic import make_folder, partial_path, superseded, sync_folder, user_error, write_synced
from sparserl.persistence.documents import parse_object, plain, read_bytes, read_document, write_document
from sparserl.persistence.kill_points import passing

_ARRAYS, _DOCUMENT, _MANIFEST = "arrays.safetensors", "document.json", "manifest.json"
_RESERVED_NAME = "__metadata__"  # means something else to safetensors
_NUM_TRIES = 20


def write_bundle(
    folder: str | Path,
    arrays: Mapping[str, np.ndarray],
    document: Mapping[str, Any],
    through: Path | None = None,
) -> None:
    """Put `arrays` (bool, integers, floats; any shape) and a JSON `document` at `folder`, in place of an older bundle.

    One process at a time may write a bundle; any number may read meanwhile. through: the folder on the same file system
    in which the bundle is made, and to which an older one goes; default: beside `folder`. Raises UserError, naming the
    folder and the cause, where it cannot be written; an older bundle is then untouched. Raises Superseded where
    `through` is gone.
    """
    folder = Path(folder)
    files = {_ARRAYS: arrays_content(arrays), _DOCUMENT: json.dumps(plain(document), allow_nan=False).encode()}
    partial = partial_path(folder, through)
    with user_error("write", folder, sum(map(len, files.values()))), superseded(through):
        make_folder(folder.parent)
        try:
            partial.mkdir()
            for name, content in files.items():
                write_synced(partial / name, content)
                passing("checkpoint")
            write_document(partial / _MANIFEST, {"files": {name: file_entry(files[name]) for name in files}})
            _put_in_place(partial, folder, through)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def read_bundle(folder: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the document of a bundle, each byte checked against its manifest; the arrays may be written to.

    Raises UserError naming the file that is missing, damaged, or of a newer format.
    """
    folder = Path(folder)
    for _ in range(_NUM_TRIES):  # a writer may put a new bundle in place while the old one is being read
        place = _place(folder)
        before = _identity(place)
        try:
            return _read_folder(place)
        except UserError:
            now = _place(folder)  # the same folder may have moved to the side in between
            if (place, before) == (now, _identity(now)):
                raise
    raise UserError(f"{folder} was replaced {_NUM_TRIES} times while it was being read; try again")


def has_bundle(folder: str | Path) -> bool:
    """Whether there is a bundle to read, which also holds just after a writer was killed between its last steps."""
    return (_place(Path(folder)) / _MANIFEST).exists()


def _put_in_place(partial: Path, folder: Path, through: Path | None) -> None:
    previous = _previous(folder) if through is None else through / _previous(folder).name
    sync_folder(partial)
    if folder.exists():
        shutil.rmtree(previous, ignore_errors=True)
        os.rename(folder, previous)
    passing("commit")
    os.rename(partial, folder)
    sync_folder(folder.parent)
    shutil.rmtree(previous, ignore_errors=True)


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")


def _place(folder: Path) -> Path:
    return folder if folder.exists() or not _previous(folder).exists() else _previous(folder)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _read_folder(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if not (folder / _MANIFEST).exists():
        raise UserError(f"{folder} is no checkpoint: it has no {_MANIFEST}")
    entries = read_document(folder / _MANIFEST).get("files")
    if not isinstance(entries, dict) or set(entries) != {_ARRAYS, _DOCUMENT}:
        raise UserError(f"{folder / _MANIFEST} must list {_ARRAYS} and {_DOCUMENT} and nothing else")
    contents = {name: read_listed(folder / name, entries[name]) for name in (_ARRAYS, _DOCUMENT)}
    document = parse_object(contents[_DOCUMENT], folder / _DOCUMENT)
    return parse_arrays(contents[_ARRAYS], folder / _ARRAYS), document


def read_listed(path: Path, entry: Any) -> bytes:
    """A file, proven to be what `file_entry` was made of. Raises UserError naming it."""
    size = entry.get("bytes") if isinstance(entry, dict) else None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise UserError(f"the list of files gives no size for {path}")
    with user_error("read", path):
        actual = path.stat().st_size
    if actual != size:
        raise UserError(f"{path} is damaged: {actual} bytes instead of {size}")
    content = read_bytes(path, size)
    if file_entry(content) != entry:
        raise UserError(f"{path} is damaged: its content does not match its checksum")
    return content


def file_entry(content: bytes) -> dict[str, Any]:
    """What proves a file unchanged: its size, and the SHA-256 of what it holds."""
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def parse_arrays(content: bytes, path: Path) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file, which may be written to. Raises UserError naming it."""
    try:
        arrays = safetensors.numpy.load(content)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is no valid safetensors file: {error!r}") from error
    return {name: arrays[name] if arrays[name].flags.writeable else arrays[name].copy() for name in sorted(arrays)}


def arrays_content(arrays: Mapping[str, np.ndarray]) -> bytes:
    """`arrays` as a safetensors file. Raises UserError for one that it cannot hold."""
    return bytes(safetensors.numpy.save({name: _storable(name, array) for name, array in arrays.items()}))


def _storable(name: str, array: np.ndarray) -> np.ndarray:
    """`array` as safetensors takes it: it reads memory as if contiguous, whatever the strides say."""
    array = np.asarray(array, order="C")
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise UserError(f"array {name!r} has dtype {array.dtype}; a checkpoint holds bool, integers and floats")
    if name == _RESERVED_NAME:
        raise UserError(f"no array of a checkpoint may be named {name!r}")
    return array.astype(array.dtype.newbyteorder("="), copy=False)
