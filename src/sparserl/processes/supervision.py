"""Supervision: a command in a child of its own, so that whatever ends it is told, and Ctrl-C is heeded from the start.

An environment may end the process that it runs in with any exit status: one is believed if the child has noted it.
A signal ends the child at once, which stores nothing then that could be lost; while it works through runs it is passed
on, for an orderly stop. The child is a process group of its own, so that Ctrl-C does not reach it twice; what goes
to all processes of a command in other ways, as when systemd stops it, does (`passed_on`).
"""

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import mmap  # like all else that takes its time it is imported when signals are heeded

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DIE_WITH_PARENT = 1  # Linux: PR_SET_PDEATHSIG
END_SECONDS = 10  # for threads and hooks that are not ours, when all is over
_MOST_PASSED_ON = 2  # signals: the first asks, the second presses
_NOTED, _STATUS, _MINDING, _BEATS, _PASSED, _SILENCE = range(6)  # places on the board; the last one is of _WIDTH bytes
_WIDTH = 4
_LOOK_SECONDS = 0.5  # between two looks at the beats


class _Shared:
    """What parent and child share: memory, since an environment may close files; `command` is the parent's number."""

    board: "mmap.mmap | None" = None
    command: int | None = None


def supervised(work: Callable[[], int], ended: Callable[[str, bool], int]) -> int:
    """The exit status of `work`, done in a child, or `ended(cause, asked)` if something else ended that.

    asked: by a signal that this process got. To be called before there are threads.
    """
    held = (*STOPPING, signal.SIGTSTP)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, (*held, signal.SIGCHLD))
    import mmap

    board, asked = mmap.mmap(-1, mmap.PAGESIZE), list[int]()
    heeded = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    parent, child = os.getpid(), os.fork()
    if child == 0:
        _serve(work, board, parent, held)

    def handle(number: int, frame: object) -> None:
        asked.append(number)
        with suppress(ProcessLookupError):
            if board[_MINDING] and len(asked) <= _MOST_PASSED_ON:
                board[_PASSED] += 1
                os.kill(child, number)
            else:
                os.killpg(child, signal.SIGKILL)

    def suspend(number: int, frame: object) -> None:
        os.killpg(child, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.killpg(child, signal.SIGCONT)  # we go on

    with suppress(OSError):  # the child has done it, and has ended perhaps
        os.setpgid(child, child)
    for number in heeded:
        signal.signal(number, handle)
    signal.signal(signal.SIGTSTP, suspend)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
    code, silence = _waited(child, board)
    for number in heeded:
        signal.signal(number, signal.SIG_IGN)
    with suppress(ProcessLookupError, PermissionError):  # simulators that an environment has left behind
        os.killpg(child, signal.SIGKILL)
    if board[_NOTED]:
        return board[_STATUS]
    hangs = f"the environment hangs: for {silence} seconds nothing else could go on in its process"
    return ended(hangs if silence and not asked else _cause(code), bool(asked))


@contextmanager
def minding() -> Iterator[None]:
    """Inside, signals are passed on to this process, which heeds them; after one that interrupts it, it cleans up.

    They are passed on then, too: where a signal goes to all processes, the command gets its own perhaps meanwhile.
    """
    board = _Shared.board
    if board is None:
        yield
        return
    board[_MINDING], interrupted = 1, False
    try:
        yield
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        board[_MINDING] = interrupted


def passed_on() -> int:
    """How many signals the parent has passed on to this process so far; others have come to it by themselves."""
    return 0 if _Shared.board is None else _Shared.board[_PASSED]


def show_life(silence_seconds: float) -> None:
    """Say that this process lives; if that is not said again for so long, it is killed."""
    if (board := _Shared.board) is not None:
        board[_SILENCE : _SILENCE + _WIDTH] = min(math.ceil(silence_seconds), 2**31).to_bytes(_WIDTH, "little")
        board[_BEATS] = (board[_BEATS] + 1) % 256


def is_supervised() -> bool:
    return _Shared.board is not None


def note(status: int) -> None:
    """All is done: this is the exit status of a supervised process, whatever ends it from now on."""
    if _Shared.board is not None:
        _Shared.board[_STATUS], _Shared.board[_NOTED] = status, 1


def end(status: int) -> NoReturn:
    """End a supervised process by our own will; an orderly end would wait for threads, and for hooks not ours."""
    note(status)
    os._exit(status)


def command_process() -> int:
    """The number of the process that people know this one by, and send signals to."""
    return _Shared.command or os.getpid()


def _serve(work: Callable[[], int], board: "mmap.mmap", parent: int, held: Sequence[signal.Signals]) -> NoReturn:
    """The child's life."""
    import ctypes

    os.setpgid(0, 0)
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    while signal.sigtimedwait(held, 0):  # Ctrl-C before we had a group of our own, which the parent has got, too
        pass
    for number in (signal.SIGTTIN, signal.SIGTTOU):  # it is in the background of its terminal
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (*held, signal.SIGCHLD))
    _Shared.board, _Shared.command = board, parent
    try:
        status = work()
    except KeyboardInterrupt:
        os._exit(130)
    except BrokenPipeError:
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # others may have closed it, or put something else in its place
            stream.flush()
    board[_STATUS], board[_NOTED] = status, 1
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(END_SECONDS)
    sys.exit(status)  # in order, as an environment may clean up then


def _waited(child: int, board: "mmap.mmap") -> tuple[int, int]:
    """The exit code of the child; and for how many seconds it had shown no life when it was killed for that, or 0.

    Silence is counted in looks, as time passes while both are stopped.
    """
    beats, silent, silence = 0, 0.0, 0
    while True:
        number, status = os.waitpid(child, os.WNOHANG)
        if number:
            return os.waitstatus_to_exitcode(status), silence
        if signal.sigtimedwait((signal.SIGCHLD,), _LOOK_SECONDS) is not None:
            continue
        silent = silent + _LOOK_SECONDS if board[_BEATS] == beats else 0.0
        beats, limit = board[_BEATS], int.from_bytes(board[_SILENCE : _SILENCE + _WIDTH], "little")
        if limit and silent > limit:
            silence = limit
            os.killpg(child, signal.SIGKILL)


def _cause(code: int) -> str:
    if code >= 0:
        return f"the environment ended the process: exit status {code}"
    hint = ", for lack of memory perhaps" if -code in (signal.SIGKILL, signal.SIGABRT) else ""
    return f"the process was killed by {signal.Signals(-code).name}{hint}"
