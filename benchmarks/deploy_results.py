"""The table, the targets and the figure of `deploy.py`, from its rows."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np

Rows = Sequence[Mapping[str, Any]]
BUILDS, WEIGHTS = ("scalar", "vector", "cortex-m4"), ("float32", "int8")
AT = 0.95  # the sparsity that targets are for


class Target(NamedTuple):
    """What was aimed at, for one task: a number and what it is to be; None where it was not measured."""

    what: str
    value: float | None
    limit: float
    at_most: bool

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not measured"
        return "met" if (self.value <= self.limit if self.at_most else self.value >= self.limit) else "**missed**"


class Task(NamedTuple):
    """The numbers of one agent in one environment."""

    agent: str
    environment: str
    rows: Rows

    def value(self, sparsity: float, weights: str, build: str, measure: str) -> float | None:
        wanted = (sparsity, weights, build, measure)
        found = [row["value"] for row in self.rows if _place(row) == wanted]
        return found[0] if found else None

    def sparsities(self) -> list[float]:
        return sorted({row["sparsity"] for row in self.rows})

    def ratio(self, sparsity: float, weights: str, build: str, measure: str) -> float | None:
        """The dense policy's with the same weights and build, over this one's."""
        dense, own = self.value(0.0, weights, build, measure), self.value(sparsity, weights, build, measure)
        return None if dense is None or own is None else dense / own


def write_results(folder: Path, rows: Rows, machine: Mapping[str, Any] | None) -> None:
    """Write results.md and costs.png; machine: the one that latency was measured on just now."""
    if machine is not None:
        (folder / "machine.json").write_text(json.dumps(machine, indent=1) + "\n")
    tasks = [
        Task(*task, [row for row in rows if (row["agent"], row["environment"]) == task])
        for task in sorted({(row["agent"], row["environment"]) for row in rows}, reverse=True)
    ]
    (folder / "results.md").write_text("\n".join(_lines(tasks)) + "\n")
    if tasks:
        _draw(tasks, folder / "costs.png")


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["sparsity"], row["weights"], row["build"], row["measure"]


def targets(task: Task) -> list[Target]:
    """The targets at 95 %, beside the dense policy."""
    over = lambda one, other: None if one is None or other is None else one / other
    value = task.value
    dense = value(0.0, "float32", "scalar", "flash_bytes")
    fastest = value(AT, "float32", "vector", "p50_seconds")
    libraries = [
        Target(f"times as fast as {name}", over(value(AT, "float32", name, "p50_seconds"), fastest), 5.0, False)
        for name in ("onnxruntime", "jax")
    ]
    found = [
        Target(
            "bytes over dense bytes, float32", over(value(AT, "float32", "scalar", "flash_bytes"), dense), 0.12, True
        ),
        Target("bytes, int8, over dense float32", over(value(AT, "int8", "scalar", "flash_bytes"), dense), 0.05, True),
        Target("times fewer instructions, scalar", task.ratio(AT, "float32", "scalar", "instructions"), 10.0, False),
        Target("times as fast as dense, vector", task.ratio(AT, "float32", "vector", "p50_seconds"), 1.0, False),
        *libraries,
    ]
    if task.agent == "sac":  # the board was a target for SAC's networks alone
        flash, ram = (value(AT, "float32", "cortex-m4", name) for name in ("text_bytes", "ram_bytes"))
        found.append(Target("flash on a Cortex-M4, bytes", flash, 64 * 1024, True))
        found.append(Target("RAM on a Cortex-M4, bytes", ram, 16 * 1024, True))
    return found


def crossover(task: Task, weights: str, build: str, measure: str) -> float | None:
    """The lowest measured sparsity from which on sparse is never behind dense; None where there is none."""
    ratios = [(sparsity, task.ratio(sparsity, weights, build, measure)) for sparsity in task.sparsities() if sparsity]
    known = [(sparsity, ratio) for sparsity, ratio in ratios if ratio is not None]
    ahead = None
    for sparsity, ratio in reversed(known):
        if ratio < 1:
            break
        ahead = sparsity
    return ahead


def _lines(tasks: Sequence[Task]) -> Iterator[str]:
    for task in tasks:
        yield f"## {task.agent.upper()} on {task.environment}\n"
        yield "| at 95 % | measured | target | |\n|---|---|---|---|"
        for target in targets(task):
            sign = "at most" if target.at_most else "at least"
            told = (
                "-"
                if target.value is None
                else f"{target.value:,.3g}"
                if target.value < 1e3
                else f"{target.value:,.0f}"
            )
            yield f"| {target.what} | {told} | {sign} {target.limit:,g} | {target.verdict} |"
        yield "\nFrom which sparsity on sparse code is ahead of dense code with the same weights and flags:\n"
        yield "| | by instructions | by time |\n|---|---|---|"
        for weights in WEIGHTS:
            for build in BUILDS:
                found = [crossover(task, weights, build, measure) for measure in ("instructions", "p50_seconds")]
                yield f"| {weights}, {build} | {' | '.join('-' if each is None else f'{each:.0%}' for each in found)} |"
        for measure, title, told in MEASURES:
            if not any(row["measure"] == measure for row in task.rows):
                continue
            yield f"\n{title}\n"
            yield from _table(task, measure, told)
        yield ""


def _table(task: Task, measure: str, told: Callable[[float], str]) -> Iterator[str]:
    columns = [(weights, build) for weights in WEIGHTS for build in BUILDS]
    columns += [("float32", name) for name in ("jax", "onnxruntime", "torch")]
    is_known = lambda column: any(task.value(each, *column, measure) is not None for each in task.sparsities())
    known = list(filter(is_known, columns))
    yield f"| sparsity | {' | '.join(f'{weights}, {build}' for weights, build in known)} |"
    yield f"|---|{'---:|' * len(known)}"
    for sparsity in task.sparsities():
        cells = [task.value(sparsity, *column, measure) for column in known]
        random = any(row["method"] == "random" and row["sparsity"] == sparsity for row in task.rows)
        name = f"{sparsity:.0%}{' (random)' if random else ''}" if sparsity else "dense"
        yield f"| {name} | {' | '.join('-' if cell is None else told(cell) for cell in cells)} |"


MEASURES: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("text_bytes", "Code and weights, bytes:", lambda value: f"{value:,.0f}"),
    ("instructions", "Instructions an action:", lambda value: f"{value:,.0f}"),
    ("p50_seconds", "Latency, median, microseconds:", lambda value: f"{value * 1e6:,.2f}"),
    ("p99_seconds", "Latency that 99 of 100 calls stay below, microseconds:", lambda value: f"{value * 1e6:,.2f}"),
)


def _draw(tasks: Sequence[Task], file: Path) -> None:
    """Bytes, instructions and latency by density, a row of panels for each task."""
    shown = [each for each in MEASURES[:3] if any(row["measure"] == each[0] for task in tasks for row in task.rows)]
    figure, axes = plt.subplots(len(tasks), len(shown), figsize=(4.2 * len(shown), 3.4 * len(tasks)), squeeze=False)
    for task, panels in zip(tasks, axes, strict=True):
        for (measure, title, _), panel in zip(shown, panels, strict=True):
            for weights, style in zip(WEIGHTS, ("-", "--"), strict=True):
                for build, color in zip(BUILDS, ("C0", "C1", "C2"), strict=True):
                    pairs = [(s, task.value(s, weights, build, measure)) for s in task.sparsities()]
                    scale = 1e6 if measure.endswith("_seconds") else 1
                    known = [(1 - s, value * scale) for s, value in pairs if value is not None]
                    if known:
                        panel.plot(*np.array(known).T, style, marker=".", color=color, label=f"{build}, {weights}")
            panel.set(xscale="log", yscale="log", xlabel="live weights, fraction")
            panel.set_title(f"{task.agent.upper()}, {task.environment}: {title.rstrip(':')}", fontsize=8)
            panel.grid(alpha=0.3)
    axes[0][0].legend(fontsize=7, handlelength=4)
    figure.tight_layout()
    figure.savefig(file, dpi=120)
    plt.close(figure)
