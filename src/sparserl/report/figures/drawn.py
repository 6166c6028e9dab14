"""A drawn figure: the picture, the numbers behind it, and its main numbers in words for those who cannot see it."""

from typing import Any, NamedTuple

from matplotlib.figure import Figure


class Drawn(NamedTuple):
    """A figure with its data: `table` has a row for every mark, under `header`.

    `notes` say what a reader must know to trust it, and stand on the picture, too: runs that are missing or diverged,
    seeds that are too few, results that could not be pooled. `name` is that of its files.
    """

    name: str
    title: str
    figure: Figure
    alternative_text: str
    header: tuple[str, ...]
    table: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()
