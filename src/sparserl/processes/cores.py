"""Cores: which processor or GPU each worker gets, so that several engines of a user do not share them."""

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import IO, NamedTuple

from sparserl.errors import UserError
from sparserl.processes.locks import try_lock

_SHARED: Counter[int] = Counter()  # how many children of this process are on each processor without a claim


class Core(NamedTuple):
    """A processor and the claim on it; the claim is None where all were claimed already, and this one is shared."""

    number: int
    claim: IO[str] | None


class Gpu(NamedTuple):
    """A GPU by its name for CUDA, and the claim on it; the claim is None where all were claimed, and it is shared."""

    name: str
    claim: IO[str] | None


def allowed_cores() -> list[int]:
    """The processors that this process may run on."""
    return sorted(os.sched_getaffinity(0))


def claim_core(candidates: list[int]) -> Core:
    """A processor out of `candidates`, one that nobody has claimed if there is any; a claim ends with its process."""
    for number in candidates:
        if (claim := _claim(str(number))) is not None:
            return Core(number, claim)
    number = min(candidates, key=_SHARED.__getitem__)
    _SHARED[number] += 1
    return Core(number, None)


def allowed_gpus() -> list[str]:
    """The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip()]
    numbers = (path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*"))
    return sorted(numbers, key=int)


def refuse_without_gpu() -> None:
    """Raise UserError, one line, where this machine has no GPU that may be used."""
    if not allowed_gpus():
        raise UserError("there is no GPU on this machine: omit --device gpu, or give a study's --scheduler")


def claim_gpu(candidates: list[str]) -> Gpu:
    """A GPU out of `candidates`, one that nobody has claimed if there is any; a claim ends with its process."""
    for name in candidates:
        if (claim := _claim(f"gpu-{name}")) is not None:
            return Gpu(name, claim)
    return Gpu(candidates[0], None)


def release(claimed: Core | Gpu) -> None:
    """Give a processor or a GPU back."""
    if claimed.claim is not None:
        claimed.claim.close()
    elif isinstance(claimed, Core):
        _SHARED[claimed.number] -= 1


def _claim(name: str) -> IO[str] | None:
    try:
        folder = Path(tempfile.gettempdir()) / f"sparserl-cores-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return try_lock(folder / name)
    except OSError:
        return None
