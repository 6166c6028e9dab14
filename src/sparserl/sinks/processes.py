"""Processes: one for each kind of sink, beside a study that they can neither stop nor slow down."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from sparserl import persistence
from sparserl.errors import UserError
from sparserl.processes.binding import give_way
from sparserl.processes.child import kill_session, reap, start
from sparserl.processes.log import last_words, tell
from sparserl.sinks.kinds import check_kinds

DRAIN_SECONDS = 10.0  # how long sinks may take to pass on what is left once the runs are over
_HURRIED_SECONDS = 2.0  # the same where the user waits for the end
_DEATH_SECONDS = 1.0  # how long the end of one that was killed is waited for


class Running(NamedTuple):
    """A sink's process, its folder, and its log."""

    kind: str
    process: subprocess.Popen[bytes]
    folder: Path
    log: Path


def default_output(places: Sequence[Path]) -> Path:
    """Where sinks write unless told: `sinks` in the folder that holds all of `places`, never in a run's folder."""
    folders = [place.absolute() for place in places]
    roomy = [folder.parent if persistence.is_run_folder(folder) else folder for folder in folders]
    return Path(os.path.commonpath(roomy)) / "sinks"


@contextlib.contextmanager
def started(
    kinds: Sequence[str],
    places: Path | Sequence[Path],
    output: Path | None = None,
    drain_seconds: float | None = None,
) -> Iterator[tuple[Running, ...]]:
    """Pass on what runs store to a sink of each kind while the block lasts; into the folders `output/<kind>`.

    `places`: a results directory, a study's or experiment's folder, or the folders of runs, which need not exist yet.
    Raises UserError before anything starts where a kind or its package is missing or its folder cannot be written;
    from then on nothing of a sink reaches the caller. At the end sinks have `drain_seconds`, by default DRAIN_SECONDS,
    for what is left (2 where the block was left by an exception); then they are killed, and one line for each that
    failed says how to pass on the rest. To be called in the main thread: a sink dies with the thread that started it.
    """
    patience = DRAIN_SECONDS if drain_seconds is None else drain_seconds
    places = [places] if isinstance(places, Path) else list(places)
    check_kinds(kinds)
    if not places:
        kinds = ()
    folders = {kind: ((output or default_output(places)) / kind).absolute() for kind in kinds}
    for folder in folders.values():
        _make_writable(folder)
    sinks: list[Running] = []
    try:
        for kind, folder in folders.items():
            try:
                with _sigterm_held():  # until the sink can understand it, and until we know of the sink
                    sinks.append(_start(kind, places, folder))
            except OSError as error:  # no process or no temporary file is left for it
                _tell(kind, folder, f"could not start: {error.strerror or error}")
        yield tuple(sinks)
    except BaseException:
        _end(sinks, min(patience, _HURRIED_SECONDS))
        raise
    _end(sinks, patience)


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _log(folder).open("a").close()
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error


def _log(folder: Path) -> Path:
    return folder / "log.txt"


def _start(kind: str, places: Sequence[Path], folder: Path) -> Running:
    """Start a sink; the runs go in by a file, whatever their number."""
    program = ["-P", "-m", "sparserl.sinks", kind, "-", "--output", str(folder.parent)]
    with os.fdopen(os.memfd_create("names"), "w+") as names, _log(folder).open("w") as log:
        names.write("".join(f"{place.absolute()}\n" for place in places))
        names.seek(0)
        process = start(program, None, stdin=names, stdout=log, stderr=log).process
    give_way(process.pid)
    return Running(kind, process, folder, _log(folder))


@contextlib.contextmanager
def _sigterm_held() -> Iterator[None]:
    """Inside, SIGTERM waits; a process started there lets it wait as well, until it says otherwise."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(sinks: Sequence[Running], drain_seconds: float) -> None:
    """Let sinks pass on what is left, kill those that do not come to an end, and tell in one line what failed."""
    deadline = time.monotonic() + drain_seconds
    for sink in sinks:
        with contextlib.suppress(OSError):
            sink.process.send_signal(signal.SIGTERM)
    for sink in sinks:
        try:
            status = sink.process.wait(max(deadline - time.monotonic(), 0.0))
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            deadline = 0.0
            kill_session(sink.process.pid)
            with contextlib.suppress(KeyboardInterrupt):  # the others are to be killed as well
                reap(sink.process, _DEATH_SECONDS)
            _tell(sink.kind, sink.folder, f"did not end within {drain_seconds:g} s and was killed")
        else:
            if status:
                _tell(sink.kind, sink.folder, f"failed: {_cause(sink, status)}")


def _cause(sink: Running, status: int) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    with contextlib.suppress(OSError):
        if words := last_words(sink.log.read_bytes()):
            return words
    return f"exit status {status} without a word"


def _tell(kind: str, folder: Path, what: str) -> None:
    with contextlib.suppress(ValueError):  # standard error is closed
        tell(
            f"the sink {kind} {what}; no run is touched by it, its log is {_log(folder)}, and "
            f"`python -m sparserl.sinks {kind} DIR --output {folder.parent} --once` passes on the rest"
        )
