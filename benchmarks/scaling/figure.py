"""The figures of the scaling benchmark: updates beside the roofline, and the bandwidth of the machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.scaling.machine import Machine
from benchmarks.scaling.points import Point, along

AXES = ("density", "width", "batch_size", "seeds", "processes")
TITLES = {
    "density": "density, live weights over all",
    "width": "units of each hidden layer",
    "batch_size": "batch",
    "seeds": "seeds on one core (seconds of a seed)",
    "processes": "processes at once",
}
COLORS = {"dense": "#666666", "compressed": "#1b9e77"}
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)  # GB/s


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
