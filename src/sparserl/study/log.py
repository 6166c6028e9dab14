"""Log: what a worker says of its runs to people; its standard error is the log in the run's folder."""

import sys


def tell(line: str) -> None:
    """A line for the run's log."""
    print(f"sparserl: {line}", file=sys.stderr, flush=True)
