"""The figures of the peers' benchmark: rates as points with their spread, and returns against steps and seconds."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peers.processes import CANDIDATES, OURS, Candidate
from benchmarks.peers.summary import Rows, better, rate, returns, training
from benchmarks.peers.tasks import TASKS

COLORS = {"stable-baselines3": "#d95f02", "sbx": "#7570b3", OURS: "#1b9e77"}
SHAPES = {"widest": ("o", "circles", "all instructions"), "avx2": ("s", "squares", "held to AVX2")}


def _style(candidate: Candidate) -> dict[str, Any]:
    return {"color": COLORS[candidate.project], "mfc": "white" if not candidate.sparsity else COLORS[candidate.project]}


def draw_rates(file: Path, rows: Rows) -> bool:
    """Write what `rates` draws; False where there is nothing to draw."""
    figure = rates(rows)
    if figure is None:
        return False
    import matplotlib.pyplot as plt

    figure.savefig(file, dpi=130)
    plt.close(figure)
    return True


def rates(rows: Rows) -> Any:
    """Steps a second of the better layout of each candidate, a panel for each task; None where there are none.

    A candidate has the same place in all panels and for all instruction sets, whatever was measured first.
    """
    held = [name for name in SHAPES if any(row["key"]["instructions"] == name for row in rows)]
    measured = {(task, name): training(rows, name, task) for task in TASKS for name in held}
    tasks = [task for task in TASKS if any(measured[task, name] for name in held)]
    if not tasks:
        return None
    import matplotlib.pyplot as plt

    found = dict.fromkeys((each.project, each.sparsity) for every in measured.values() for each in every)
    known = ((each.project, each.sparsity) for each in CANDIDATES)
    places = [of for of in dict.fromkeys((*known, *found)) if of in found]
    figure, axes = plt.subplots(1, len(tasks), figsize=(1.5 + 3.1 * len(tasks), 3.6), sharey=True, squeeze=False)
    for task, panel in zip(tasks, axes[0], strict=True):
        for number, instructions in enumerate(held):
            own = measured[task, instructions]
            for place, of in enumerate(places):
                if (each := better(own, *of)) is None:
                    continue
                median, lowest, highest = rate(own[each])
                ends = [[median - lowest], [highest - median]]
                height = place + 0.38 * number
                marker = SHAPES[instructions][0]
                panel.errorbar(median, height, xerr=ends, marker=marker, ms=5, capsize=3, **_style(each))
                label = {"textcoords": "offset points", "va": "center", "size": 7}
                panel.annotate(f"{median:,.0f}", (highest, height), (6, 0), **label)
        panel.set(title=f"{task} ({TASKS[task].environment})", xlabel="steps/s")
        panel.title.set_size(9)
        panel.margins(x=0.3, y=0.12)
        panel.set_xlim(left=0)
        panel.locator_params(axis="x", nbins=5)
        panel.grid(axis="x", alpha=0.3)
    names = [Candidate(project, True, sparsity).name for project, sparsity in places]
    axes[0][0].set_yticks(range(len(places)), names, size=8)
    axes[0][0].invert_yaxis()
    if len(held) > 1:
        figure.suptitle("; ".join(": ".join(SHAPES[name][1:]) for name in held), size=9)
    figure.tight_layout()
    return figure


def draw_returns(file: Path, rows: Rows) -> bool:
    """Returns against steps above and against seconds below, a column for each task; False where there are none."""
    by_task = {task: found for task in TASKS if (found := returns(rows, rows[0]["key"]["instructions"], task))}
    if not by_task:
        return False
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(by_task), figsize=(3.4 * len(by_task), 5.2), squeeze=False)
    for (task, found), column in zip(by_task.items(), axes.T, strict=True):
        for by, panel in zip(("steps", "seconds"), column, strict=True):
            for candidate, evaluations in found.items():
                _curve(panel, candidate, [each for each in evaluations if each["by"] == by])
            panel.set(xlabel="environment steps" if by == "steps" else "seconds since the process began")
            panel.grid(alpha=0.3)
        column[0].set_title(f"{task} ({TASKS[task].environment})", size=9)
    for row in axes:
        row[0].set_ylabel("return")
    num_seeds = {len({each["seed"] for each in found}) for of in by_task.values() for found in of.values()}
    figure.suptitle(f"means over {' or '.join(map(str, sorted(num_seeds)))} seeds, bars: lowest and highest", size=9)
    figure.legend(*axes[0][0].get_legend_handles_labels(), fontsize=7, loc="lower center", ncols=4)
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    figure.savefig(file, dpi=130)
    plt.close(figure)
    return True


def _curve(panel: Any, candidate: Candidate, evaluations: Sequence[Mapping[str, Any]]) -> None:
    points = sorted({each["at"] for each in evaluations})
    values = [[each["return"] for each in evaluations if each["at"] == at] for at in points]
    means = [statistics.mean(each) for each in values]
    ends = [
        [m - min(v) for m, v in zip(means, values, strict=True)],
        [max(v) - m for m, v in zip(means, values, strict=True)],
    ]
    panel.errorbar(
        points,
        means,
        yerr=ends,
        marker="o",
        ms=4,
        capsize=2,
        lw=1.2,
        ls="-" if candidate.sparsity or candidate.project != OURS else "--",
        label=candidate.name,
        **_style(candidate),
    )
