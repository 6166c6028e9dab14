"""Log: what a worker says of its runs to people; its standard error is the log in the run's folder."""

import sys
from contextlib import suppress


def tell(line: str) -> None:
    """A line for the run's log; a full disk takes none, and that ends no run."""
    with suppress(OSError):
        print(f"sparserl: {line}", file=sys.stderr, flush=True)
