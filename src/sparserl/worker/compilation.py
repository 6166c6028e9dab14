"""The compilation cache: what one process compiled, the next one loads."""

import hashlib
import os
import time
import zlib
from pathlib import Path

import jax

from sparserl import persistence
from sparserl.processes.log import tell
from sparserl.processes.places import NO_PLACE, user_cache

_ENDING = "-cache"  # how JAX names its entries
_CHECKED = "checked"  # its time of change tells up to when entries have been checked


def use_compilation_cache(folder: Path | None = None) -> Path | None:
    """Point JAX at a cache folder, and drop the entries that are damaged; None where there is none, which is told.

    Default: what JAX_COMPILATION_CACHE_DIR names, or `xla-<machine>` in the user's cache; what was compiled for another
    processor may not run here. JAX writes entries in place and never repairs one that a kill cut short, so those new
    since the last start are checked now.
    """
    folder = folder or _default()
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            _drop_damaged(folder)
    except OSError:
        folder = None
    if folder is None:
        jax.config.update("jax_enable_compilation_cache", False)
        tell(f"programs are compiled anew, which only costs time: {NO_PLACE}")
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.02)  # a run has some thirty small ones
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    return folder


def _default() -> Path | None:
    if named := os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return Path(named)
    cache = user_cache()
    return cache and cache / f"xla-{_machine()}"


def _machine() -> str:
    machine = persistence.machine_description()
    words = f"{persistence.processor_name(machine)} {machine['cpu_features']}"
    return hashlib.sha256(words.encode()).hexdigest()[:8]


def _drop_damaged(folder: Path) -> None:
    mark = folder / _CHECKED
    checked, now = mark.stat().st_mtime if mark.exists() else 0.0, time.time()
    for entry in folder.glob(f"*{_ENDING}"):
        if _changed(entry) >= checked - 2.0 and not _whole(entry):  # file systems round times
            entry.unlink(missing_ok=True)
    mark.touch()
    os.utime(mark, (now, now))


def _changed(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except FileNotFoundError:  # another process was first
        return 0.0


def _whole(entry: Path) -> bool:
    """Whether an entry decompresses to its end, in whichever of its two ways JAX wrote it."""
    try:
        data = entry.read_bytes()
        if data[:4] == b"\x28\xb5\x2f\xfd":
            return bool(_zstandard(data))
        return bool(zlib.decompress(data))
    except FileNotFoundError:  # another process was first
        return True
    except Exception:  # each library has errors of its own; a good entry dropped only costs time
        return False


def _zstandard(data: bytes) -> bytes:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # Python 3.14 and later
    except ImportError:
        import zstandard  # type: ignore[import-not-found,unused-ignore]

        return zstandard.ZstdDecompressor().decompress(data)
    return zstd.decompress(data)
