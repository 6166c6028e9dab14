"""Output: standard output is for what a command answers; whatever else is printed in this process goes to the other.

Environments, methods and study files are other people's code, with C libraries and programs of their own behind them.
All of them write to the descriptor of standard output, which therefore leads to standard error, and answers have a
descriptor of their own.
"""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, cast

from sparserl.cli.streams import Patient, open_closed
from sparserl.seen import seen

_STDOUT, _STDERR = 1, 2
_answers: list[Patient] = []  # where answers go while `owned` holds standard output


def stream() -> IO[str]:
    """Where answers go."""
    return cast(IO[str], _answers[-1]) if _answers else sys.stdout


def put(text: str = "") -> None:
    """Print a line of the answer, or several, in which nothing commands the terminal."""
    print(seen(text), file=stream())


def drop_to_errors() -> None:
    """All is answered, by another process: what is printed from now on goes to standard error."""
    if _descriptor_file(sys.stdout) is None:  # it was closed before we began
        sys.stdout = sys.stderr
    with suppress(OSError):
        os.dup2(_STDERR, _STDOUT)


@contextmanager
def owned(for_good: bool) -> Iterator[None]:
    """Inside, only answers reach standard output; for_good: afterwards, too, as some code prints when all is over.

    Whoever reads them, or what else is said, may go away meanwhile.
    """
    open_closed()
    taken, give_back = _take()
    answers, usual_errors = Patient(taken), sys.stderr
    _answers.append(answers)
    sys.stdout, sys.stderr = cast(IO[str], Patient(sys.stdout)), cast(IO[str], Patient(sys.stderr))
    try:
        yield
    finally:
        answers.flush()
        if answers.failure:
            print(f"sparserl: standard output cannot be written: {answers.failure}", file=sys.stderr)
        if for_good and taken is not sys.__stdout__:  # no answer comes any more
            with suppress(OSError, ValueError):
                taken.close()
        if not for_good:
            _answers.remove(answers)
            sys.stderr = usual_errors
            give_back()


def _take() -> tuple[IO[str], Callable[[], None]]:
    """Where standard output led, and a function that gives it back."""
    usual, kept, file = sys.stdout, _duplicate(), _descriptor_file(sys.stdout)
    if file is not None and kept is not None:
        answers: IO[str] = io.TextIOWrapper(
            os.fdopen(os.dup(kept), "wb"), file.encoding, "backslashreplace", line_buffering=file.line_buffering
        )
        own_lines = file.line_buffering
        file.flush()
        file.reconfigure(line_buffering=True)  # so that it is in order among the lines of standard error
    else:  # gathered by whoever has put something else there, or closed before we began
        answers = usual or io.StringIO()
        sys.stdout = sys.stderr
    if usual is not None or kept is None:  # or else it was closed, and another file has its number
        with suppress(OSError):  # standard error may be closed, too
            os.dup2(_STDERR, _STDOUT)

    def give_back() -> None:
        if file is not None and answers is not usual:
            file.flush()
            file.reconfigure(line_buffering=own_lines)
            with suppress(OSError):
                answers.close()
        sys.stdout = usual
        if kept is not None:
            os.dup2(kept, _STDOUT)
            os.close(kept)

    return answers, give_back


def _duplicate() -> int | None:
    try:
        return os.dup(_STDOUT)
    except OSError:
        return None


def _descriptor_file(stream: IO[str] | None) -> io.TextIOWrapper | None:
    """The stream itself if it writes to the descriptor of standard output."""
    with suppress(OSError, ValueError):
        if isinstance(stream, io.TextIOWrapper) and stream.fileno() == _STDOUT:
            return stream
    return None
