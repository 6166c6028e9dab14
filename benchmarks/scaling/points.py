"""What the scaling benchmark measured, as points of curves."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.cells import Book
from benchmarks.scaling.machine import Machine
from benchmarks.scaling.model import Work


class Point(NamedTuple):
    """An update at one size, by one variant."""

    key: Mapping[str, Any]
    variant: str
    seconds: list[float]
    work: Work

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def machine_of(book: Book) -> Machine | None:
    found = [row["values"] for row in book.rows if row["key"]["work"] == "machine"]
    return Machine(**found[0]) if found else None


def points_of(book: Book) -> list[Point]:
    rows = [row for row in book.rows if row["key"]["work"] != "machine"]
    return [
        Point(row["key"], variant, own["seconds"], Work(**own["work"]))
        for row in rows
        for variant, own in row["values"].items()
    ]


def along(points: Sequence[Point], work: str, axis: str) -> list[Point]:
    """Those that differ along an axis from the point in which most agree, ascending."""
    own = [point for point in points if point.key["work"] == work]
    others = lambda point: tuple(value for name, value in point.key.items() if name not in ("work", axis))
    if not own:
        return []
    rest = statistics.mode(others(point) for point in own)
    return sorted((point for point in own if others(point) == rest), key=lambda point: point.key[axis])
