"""Log: what a child says to people on standard error, and how its parent finds the last of it."""

import os
import sys
from contextlib import suppress

from sparserl.seen import seen

_MARK = "sparserl: "


def tell(line: str) -> None:
    """A line for people; where a full disk has no room for it, it is lost, and that ends no run."""
    said = f"{_MARK}{seen(line)}"
    with suppress(OSError):
        try:
            print(said, file=sys.stderr, flush=True)
        except ValueError:  # an environment has closed it
            os.write(2, f"{said}\n".encode(errors="backslashreplace"))


def last_words(log: bytes) -> str:
    """The last line that was told to people; where there is none, the last line; empty where there is none either."""
    lines = [line for line in log.decode(errors="replace").splitlines() if line.strip()]
    told = [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)]
    return (told or lines or [""])[-1]
