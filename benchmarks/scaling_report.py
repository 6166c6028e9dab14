"""README.md and figures of the scaling benchmark, written from its cells."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cells import Book
from scaling_machine import Machine
from scaling_model import Work
from tables import table

AXES = ("density", "width", "batch_size", "seeds", "processes")
SIZES = ("width", "density", "batch_size", "seeds", "processes")
TITLES = {
    "density": "density, live weights over all",
    "width": "units of each hidden layer",
    "batch_size": "batch",
    "seeds": "seeds on one core (seconds of a seed)",
    "processes": "processes at once",
}
COLORS = {"dense": "#666666", "compressed": "#1b9e77"}
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)  # GB/s
COMMAND = ".venv/bin/python benchmarks/scaling.py"
HOW = """\
Microseconds of one update: medians of rounds in which dense and compressed took turns, and in brackets the fastest and
slowest round. The roofline is the least time that this core leaves the work of an update: its operations at the peak of
a dense product, its bytes at the bandwidth of the cache (or memory) that holds all of them, and the rows of activations
that live weights gather at the bandwidth of the first level; the slowest of the three counts. It knows nothing of
replay, random numbers and the cost of a call."""


class Point(NamedTuple):
    """An update at one size, by one variant."""

    key: Mapping[str, Any]
    variant: str
    seconds: list[float]
    work: Work

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def write_report(folder: Path, book: Book) -> None:
    machine, points = machine_of(book), points_of(book)
    drawn = draw(folder / "scaling.png", points, machine)
    if machine is not None:
        draw_machine(folder / "machine.png", machine)
    (folder / "README.md").write_text("\n".join(_page(book, machine, points, drawn)) + "\n")


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


def _page(book: Book, machine: Machine | None, points: Sequence[Point], drawn: bool) -> Iterator[str]:
    yield "# What an update costs, by density, width, batch, seeds and processes\n"
    if any(row["settings"].get("smoke") for row in book.rows):
        yield "**Measured at the smallest size (`--smoke`): that it runs is all that these numbers say.**\n"
    about = book.about["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["packages"].items() if version)
    yield f"{about['cpu_model']}, {about['cpu_features']}, {about['platform']}. {versions}.\n"
    yield f"Written by `{COMMAND}` ([how](../../benchmarks/scaling.py)) from [`scaling.json`](scaling.json).\n"
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
    yield from table(("level", "size", "GB/s"), lines, 1)
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
    yield from table((*titles, "roofline, us", "of it", "bound by"), lines, 0)


def _us(seconds: float) -> str:
    return f"{seconds * 1e6:,.0f}"


def draw(file: Path, points: Sequence[Point], machine: Machine | None) -> bool:
    """A row for each update and a column for each axis: measured with marks, the roofline dashed."""
    works = list(dict.fromkeys(point.key["work"] for point in points))
    axes = [axis for axis in AXES if any(len({p.key[axis] for p in along(points, w, axis)}) > 1 for w in works)]
    if not axes:
        return False
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(len(works), len(axes), figsize=(3.1 * len(axes), 3.0 * len(works)), squeeze=False)
    for work, row in zip(works, panels, strict=True):
        for axis, panel in zip(axes, row, strict=True):
            _panel(panel, along(points, work, axis), axis, machine)
        row[0].set_ylabel(f"{work.replace('_', ' ')}, microseconds", size=9)
    panels[0][0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(file, dpi=130)
    plt.close(figure)
    return True


def _panel(panel: Any, points: Sequence[Point], axis: str, machine: Machine | None) -> None:
    for variant, color in COLORS.items():
        own = [point for point in points if point.variant == variant]
        if not own:
            continue
        x, y = [point.key[axis] for point in own], [1e6 * point.median for point in own]
        ends = [
            [1e6 * (point.median - min(point.seconds)) for point in own],
            [1e6 * (max(point.seconds) - point.median) for point in own],
        ]
        panel.errorbar(x, y, yerr=ends, marker="o", ms=4, lw=1.2, capsize=2, color=color, label=variant)
        if machine is not None:
            roof = [1e6 * point.work.seconds(machine) for point in own]
            panel.plot(x, roof, "--", lw=1, color=color, label=f"{variant}, roofline")
    panel.set_xscale("log", base=10 if axis == "density" else 2)
    panel.set_yscale("log")
    values = sorted({point.key[axis] for point in points})
    panel.set_xticks(values, [f"{value:g}" for value in values], size=7)
    panel.minorticks_off()
    panel.set_xlabel(TITLES[axis], size=8)
    panel.grid(alpha=0.3)


def draw_machine(file: Path, machine: Machine) -> None:
    """Bandwidth by working set, and where caches end."""
    import matplotlib.pyplot as plt

    figure, panel = plt.subplots(figsize=(5.5, 3.2))
    sizes, rates = zip(*machine.bandwidth, strict=True)
    panel.plot([size / 1024 for size in sizes], [rate / 1e9 for rate in rates], marker="o", ms=4, color="#1b9e77")
    for name, size in machine.caches.items():
        panel.axvline(size / 1024, ls=":", lw=1, color="#666666")
        panel.annotate(
            name,
            (size / 1024, 0.97),
            (-3, 0),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right",
            va="top",
            size=8,
        )
    panel.set(xscale="log", yscale="log", xlabel="working set, KB", ylabel="GB/s")
    panel.set_yticks(
        ticks := [t for t in TICKS if min(rates) / 1.5e9 < t < max(rates) / 0.7e9], [f"{t:g}" for t in ticks]
    )
    panel.minorticks_off()
    panel.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(file, dpi=130)
    plt.close(figure)
