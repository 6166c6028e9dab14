"""Log: what a child says to people on standard error, and how its parent finds the last of it."""

import sys
from contextlib import suppress

from sparserl.seen import seen

_MARK = "sparserl: "


def tell(line: str) -> None:
    """A line for people; where a full disk has no room for it, it is lost, and that ends no run."""
    with suppress(OSError, ValueError):  # or where an environment has closed what it goes to
        print(f"{_MARK}{seen(line)}", file=sys.stderr, flush=True)


def last_words(log: bytes) -> str:
    """The last line that was told to people; where there is none, the last line; empty where there is none either."""
    lines = [line for line in log.decode(errors="replace").splitlines() if line.strip()]
    told = [line.removeprefix(_MARK) for line in lines if line.startswith(_MARK)]
    return (told or lines or [""])[-1]
