"""Markdown tables."""

from collections.abc import Iterable, Iterator, Sequence


def table(titles: Sequence[str], lines: Iterable[Sequence[str]], numbers_from: int = 1) -> Iterator[str]:
    """The lines of a table whose columns from `numbers_from` on are numbers, which stand at the right."""
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * numbers_from}{'---:|' * (len(titles) - numbers_from)}"
    for line in lines:
        yield f"| {' | '.join(line)} |"
