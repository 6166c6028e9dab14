"""README.md of the scaling benchmark, written from its cells."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.cells import Book
from benchmarks.scaling.figure import draw, draw_machine
from benchmarks.scaling.machine import Machine
from benchmarks.scaling.points import Point, machine_of, points_of
from sparserl.persistence import processor_name
from sparserl.report.markdown import table

SIZES = ("width", "density", "batch_size", "seeds", "processes")
COMMAND = ".venv/bin/python -m benchmarks.scaling"
HOW = """\
Microseconds of one update: medians of rounds in which dense and compressed took turns, and in brackets the fastest and
slowest round. The roofline is the least time that this core leaves the work of an update: its operations at the peak of
a dense product, its bytes at the bandwidth of the cache (or memory) that holds all of them, and the rows of activations
that live weights gather at the bandwidth of the first level; the slowest of the three counts. It knows nothing of
replay, random numbers and the cost of a call."""


def write_report(folder: Path, book: Book) -> None:
    machine, points = machine_of(book), points_of(book)
    drawn = draw(folder / "scaling.png", points, machine)
    if machine is not None:
        draw_machine(folder / "machine.png", machine)
    (folder / "README.md").write_text("\n".join(_page(book, machine, points, drawn)) + "\n")


def _page(book: Book, machine: Machine | None, points: Sequence[Point], drawn: bool) -> Iterator[str]:
    yield "# What an update costs, by density, width, batch, seeds and processes\n"
    if any(row["settings"].get("smoke") for row in book.rows):
        yield "**Measured at the smallest size (`--smoke`): that it runs is all that these numbers say.**\n"
    about = book.about["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["packages"].items() if version)
    yield f"{processor_name(about)}, {about['cpu_features']}, {about['platform']}. {versions}.\n"
    yield f"Written by `{COMMAND}` ([how](../../benchmarks/scaling)) from [`scaling.json`](scaling.json).\n"
    yield HOW
    if drawn:
        yield "\n![Updates](scaling.png)"
    if machine is not None:
        yield from _machine(machine)
    for work in dict.fromkeys(point.key["work"] for point in points):
        yield f"\n## {work}\n"
        yield from _updates([point for point in points if point.key["work"] == work], machine)


def _machine(machine: Machine) -> Iterator[str]:
    yield "\n## The machine\n"
    peak = f"{machine.peak_flop_per_second / 1e9:,.0f} GFLOP/s"
    yield f"One core: {peak} by a dense product. Stream (`a = b + s c`, in {machine.stream}):\n"
    levels = [*sorted(machine.caches.items()), ("memory", None)]
    lines = [(name, _size(size), f"{_rate(machine, size) / 1e9:,.0f}") for name, size in levels]
    yield table(("level", "size", "GB/s"), lines, 1)
    yield "\n![Bandwidth](machine.png)"


def _rate(machine: Machine, size: int | None) -> float:
    """In a level: at half its size, most of which belongs to no smaller one; in memory: at the largest measured."""
    return machine.bytes_per_second(machine.bandwidth[-1][0] if size is None else size / 2)


def _size(size: int | None) -> str:
    if size is None:
        return ""
    return f"{size / 2**20:g} MB" if size >= 2**20 else f"{size / 2**10:g} KB"


def _updates(points: Sequence[Point], machine: Machine | None) -> Iterator[str]:
    lines = []
    for point in sorted(points, key=lambda point: ([point.key[name] for name in SIZES], point.variant)):
        dense = [other for other in points if other.key == point.key and other.variant == "dense"]
        roof = None if machine is None else point.work.seconds(machine)
        bound = "-" if machine is None else max(limits := point.work.bounds(machine), key=lambda name: limits[name])
        spread = f"{_us(point.median)} ({_us(min(point.seconds))} to {_us(max(point.seconds))})"
        sizes = [f"{point.key[name]:,g}" for name in SIZES]
        ratio = f"{dense[0].median / point.median:.2f}" if dense else "-"
        roofed = ("-", "-") if roof is None else (_us(roof), f"{roof / point.median:.0%}")
        lines.append((*sizes, point.variant, spread, ratio, f"{point.work.flop / 1e6:,.2f}", *roofed, bound))
    titles = (*(name.replace("_", " ") for name in SIZES), "variant", "microseconds", "x dense", "MFLOP")
    yield table((*titles, "roofline, us", "of it", "bound by"), lines, 0)


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"
