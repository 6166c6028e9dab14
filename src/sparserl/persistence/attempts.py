"""Attempts: who works on a run, by a lease with a fencing token, so that nobody who lost it can write any more.

    <run>/lease.json       who holds the run, renewed every few seconds; the number of the attempt is the token
    <run>/.attempt=<n>/    where attempt n makes every file before it is renamed to its place

Who takes a run over removes the older attempt's folder. From then on each of its renames fails, because there is
nothing left to rename: no moment lies between a check and a write, however long a process was stopped in between.
"""

import dataclasses
import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sparserl.errors import DiskFull, UserError
from sparserl.persistence.atomic import Superseded, make_folder, sync_folder, user_error
from sparserl.persistence.documents import NewerFormat, read_document, write_document
from sparserl.processes.identity import Holder, is_alive, this_process
from sparserl.processes.locks import wait_for_lock

LEASE_SECONDS = 30.0  # how long a holder may be silent; it renews six times as often
CHECKPOINTS = "resume"  # the folder of those of a run that is not finished
_FILE_NAME = "lease.json"
_SCRATCH = re.compile(r"\.attempt=(\d+)")


class Busy(UserError):
    """The run is one that another process works on."""


class Lease(NamedTuple):
    """Who works on a run, since which attempt; `renewed` is the holder's clock, comparable within one `boot`."""

    attempt: int
    holder: Holder
    renewed: float
    released: bool


@dataclasses.dataclass(frozen=True)
class Attempt:
    """The right to write in a run's folder, through `scratch`, until a newer attempt takes it."""

    run_folder: Path
    number: int

    @property
    def scratch(self) -> Path:
        return _scratch(self.run_folder, self.number)

    def renew(self) -> None:
        """Say that the holder is alive. Raises Superseded where a newer attempt has the run."""
        _write_lease(self, released=False)

    def move(self, place: Path) -> "Attempt":
        """The same attempt, its run's folder moved to `place` on the same disk, where nothing may be."""
        with user_error("move", self.run_folder):
            os.rename(self.run_folder, place)
            sync_folder(place.parent)
        return Attempt(place, self.number)

    def release(self) -> None:
        """Give the run back; nothing can be written through this attempt any more.

        Where a full disk has no room to say so, others see it when this process has ended or its lease has run out.
        """
        with suppress(Superseded, DiskFull):
            _write_lease(self, released=True)
        _fence(self.scratch)


def claim(run_folder: str | Path, lease_seconds: float = LEASE_SECONDS) -> Attempt:
    """Take a run that nobody works on; what an earlier attempt left half-written goes.

    A holder on this machine is believed as long as its process lives and renews. One elsewhere is watched: it loses the
    run when it has not renewed for `lease_seconds`. Raises Busy, one line, naming who has the run.
    """
    folder = Path(run_folder)
    with user_error("write", folder):
        make_folder(folder)
        _wait_for_the_silent(folder, lease_seconds)
        with wait_for_lock(folder / "lock"):  # where there are no locks, the lease has to do
            if (lease := read_lease(folder)) is not None and _is_held(lease, lease_seconds):
                raise _busy(folder, lease)
            older = _scratches(folder)
            attempt = Attempt(folder, 1 + max([lease.attempt if lease else 0, *older]))
            try:
                attempt.scratch.mkdir()
            except FileExistsError:
                raise Busy(f"{folder} is being taken by another process at this moment") from None
            for number in older:
                _fence(_scratch(folder, number))
            attempt.renew()
    return attempt


def read_lease(run_folder: str | Path) -> Lease | None:
    """Who works on a run, or worked on it last; None if nobody ever did, or if the file makes no sense."""
    try:
        return _parsed(read_document(Path(run_folder) / _FILE_NAME))
    except NewerFormat:
        raise
    except (UserError, KeyError, TypeError, ValueError):  # a lease that cannot be read protects nobody
        return None


def is_working(run_folder: str | Path, lease_seconds: float = LEASE_SECONDS) -> bool:
    """Whether a process works on the run, as far as can be told at once; another machine's lease is believed."""
    lease = read_lease(run_folder)
    return lease is not None and _is_held(lease, lease_seconds, elsewhere=True)


def is_tidy(run_folder: str | Path) -> bool:
    """Whether a run that is over has nothing left of being worked on: no attempt's folder and no checkpoints."""
    folder = Path(run_folder)
    return not (folder / CHECKPOINTS).exists() and not _scratches(folder)


def _is_held(lease: Lease, lease_seconds: float, elsewhere: bool = False) -> bool:
    """Whether a lease holds; for a holder on another machine the answer is `elsewhere`."""
    if lease.released:
        return False
    alive = is_alive(lease.holder)
    return elsewhere if alive is None else alive and time.monotonic() - lease.renewed < lease_seconds


def _wait_for_the_silent(folder: Path, lease_seconds: float) -> None:
    """Watch a lease of another machine until it is renewed, which is Busy, or has been silent for too long."""
    lease = first = read_lease(folder)
    if first is None or first.released or is_alive(first.holder) is not None:
        return
    deadline = time.monotonic() + lease_seconds
    while time.monotonic() < deadline:
        time.sleep(min(0.5, lease_seconds / 20))
        if (lease := read_lease(folder)) != first:
            break
    if lease is not None and lease != first and not lease.released:
        raise _busy(folder, lease)


def _busy(folder: Path, lease: Lease) -> Busy:
    who = lease.holder
    return Busy(
        f"{folder} is being trained by another process, {who.process_id} on {who.host}: wait for it, or stop it"
    )


def _write_lease(attempt: Attempt, released: bool) -> None:
    holder = this_process()._asdict()
    lease = {"attempt": attempt.number, "holder": holder, "renewed": time.monotonic(), "released": released}
    write_document(attempt.run_folder / _FILE_NAME, lease, attempt.scratch)


def _parsed(document: dict[str, Any]) -> Lease:
    lease = Lease(**{**document, "holder": Holder(**document["holder"])})
    return lease._replace(attempt=int(lease.attempt), renewed=float(lease.renewed), released=lease.released is True)


def _scratch(folder: Path, number: int) -> Path:
    return folder / f".attempt={number}"


def _scratches(folder: Path) -> list[int]:
    matches = (_SCRATCH.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(match[1]) for match in matches if match)


def _fence(scratch: Path) -> None:
    """Remove an attempt's folder: first its name, so that all renames from it fail, then whatever it holds."""
    gone = scratch.with_name(f".gone.{secrets.token_hex(4)}.partial")
    try:
        os.rename(scratch, gone)
    except FileNotFoundError:
        return
    sync_folder(scratch.parent)
    while gone.exists():  # who still writes into it, by an open folder of a network file system, meets its end here
        shutil.rmtree(gone, ignore_errors=True)
