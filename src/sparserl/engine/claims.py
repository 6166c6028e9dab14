"""Claims: one engine at a time for each study, so that a second one surprises nobody.

    DIR/studies/<name>@<scale>/lock          locked as long as the engine lives, where the file system can lock
    DIR/studies/<name>@<scale>/engine.json   which process that is, written anew every few seconds

A claim only keeps order. What keeps a run from being trained twice at once is its own lease, whoever starts it.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from sparserl import persistence
from sparserl.errors import UserError
from sparserl.processes.identity import Holder, is_alive, this_command
from sparserl.processes.locks import try_lock

STALE_SECONDS = 60.0  # without a heartbeat, an engine on another machine is taken to be gone
_BEAT_SECONDS = 10.0
_LOCK, _CARD = "lock", "engine.json"


class Claimed(NamedTuple):
    """A study that this process holds until the claim is released."""

    folder: Path
    lock: IO[str]
    stopped: threading.Event


@contextmanager
def claimed(folder: str | Path) -> Iterator[None]:
    """Hold a study's folder. Raises UserError at once, naming host and process, if another process holds it."""
    claim = _claim(Path(folder))
    beat = threading.Thread(target=_beat, args=(claim,), daemon=True)
    beat.start()
    try:
        yield
    finally:
        claim.stopped.set()
        beat.join()
        (claim.folder / _CARD).unlink(missing_ok=True)
        claim.lock.close()


def refuse_if_claimed(folder: str | Path) -> None:
    """Raise UserError, naming host and process, if another process runs the study; this takes no claim."""
    if (holder := engine_of(folder)) is not None:
        raise UserError(_refusal(Path(folder), holder))


def engine_of(folder: str | Path) -> Holder | None:
    """The engine that runs a study now; None if there is none, or it is gone."""
    folder = Path(folder)
    holder = _read(folder)
    if holder is None:
        return None
    alive = is_alive(holder)
    if alive is None:  # another machine, or another start of this one
        return holder if _seconds_since_beat(folder) < STALE_SECONDS and not _rebooted(holder) else None
    return holder if alive else None


def _claim(folder: Path) -> Claimed:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = try_lock(folder / _LOCK)
    except BlockingIOError:
        raise UserError(_refusal(folder, _read(folder))) from None
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror or error}") from error
    other = engine_of(folder)
    if other is not None and other != this_command():
        lock.close()
        raise UserError(_refusal(folder, other))
    try:
        _write(folder)
    except UserError:
        lock.close()
        raise
    return Claimed(folder, lock, threading.Event())


def _beat(claim: Claimed) -> None:
    """Write the card anew, until another engine has put its own there, which happens where locks do not reach."""
    while not claim.stopped.wait(_BEAT_SECONDS):
        holder = _read(claim.folder)
        if holder is not None and holder != this_command():
            return
        try:
            _write(claim.folder)
        except UserError:  # a full disk is told by the runs; the lock still holds
            continue


def _write(folder: Path) -> None:
    persistence.write_document(folder / _CARD, this_command()._asdict())


def _read(folder: Path) -> Holder | None:
    try:
        return Holder(**persistence.read_document(folder / _CARD))
    except (UserError, TypeError):  # there is none, or a dying machine left half of it
        return None


def _refusal(folder: Path, holder: Holder | None) -> str:
    who = f"process {holder.process_id} on {holder.host}" if holder else "another process"
    return f"{folder} is being run by {who}: wait for it or stop it; `sparserl study status` works meanwhile"


def _rebooted(holder: Holder) -> bool:
    """Whether a card is of this machine before it was started anew, or of a container that is gone."""
    return holder.host == this_command().host and holder.boot != this_command().boot


def _seconds_since_beat(folder: Path) -> float:
    """The card's age by the clock of the file server, which wrote both times; ours may be wrong."""
    try:
        os.utime(folder / _LOCK)
        return (folder / _LOCK).stat().st_mtime - (folder / _CARD).stat().st_mtime
    except OSError:
        return float("inf")
