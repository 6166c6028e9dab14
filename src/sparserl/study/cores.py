"""Cores: which processor each worker gets, so that pools of one person side by side do not share the same ones."""

import fcntl
import os
import tempfile
from pathlib import Path
from typing import IO, NamedTuple


class Core(NamedTuple):
    """A processor and the claim on it; the claim is None where all were claimed already, and this one is shared."""

    number: int
    claim: IO[str] | None


def allowed_cores() -> list[int]:
    """The processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def claim_core(candidates: list[int]) -> Core:
    """One of `candidates`, if possible one that no other pool has claimed; a claim ends with its process."""
    for number in candidates:
        if (claim := _claim(number)) is not None:
            return Core(number, claim)
    return Core(candidates[0], None)


def release_core(core: Core) -> None:
    """Give a processor back."""
    if core.claim is not None:
        core.claim.close()


def _claim(number: int) -> IO[str] | None:
    folder = Path(tempfile.gettempdir()) / f"sparserl-cores-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        file = (folder / str(number)).open("w")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
