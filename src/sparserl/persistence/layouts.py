"""Layouts: whether a run is computed in a program of its own, or beside other seeds; its bits depend on it."""

import re
from collections.abc import Sequence

ALONE = "alone"
_SIDE_BY_SIDE = re.compile(r"seeds (\d+(?:,\d+)*) side by side")


def layout_of(seeds: Sequence[int]) -> str:
    """What a run's status and checkpoints say: `alone`, or such as `seeds 0,1,2 side by side`."""
    return ALONE if len(seeds) == 1 else f"seeds {','.join(map(str, seeds))} side by side"


def seeds_of(layout: str) -> tuple[int, ...]:
    """The seeds of a program that holds several; none for a run alone, or if the text makes no sense."""
    match = _SIDE_BY_SIDE.fullmatch(layout)
    return tuple(map(int, match[1].split(","))) if match else ()
