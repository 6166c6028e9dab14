"""Gather the rows of runs into the evidence kept here: `evaluations.csv`, and of it `results.md` and `curves-*.png`.

    .venv/bin/python reproduction/sbx_sparse/collect.py OUTPUT

OUTPUT is the folder of `run.py`, and of `examples/cleanrl_style_dqn.py`. Without it the figures are drawn anew.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sparserl.report import style

HERE = Path(__file__).parent
KEPT = HERE / "evaluations.csv"
FIGURES = {
    "curves-sac.png": {"sac HalfCheetah-v5": "SBX's SAC on HalfCheetah-v5; sparse: actor and critics at 90 %"},
    "curves-cartpole.png": {
        "dqn CartPole-v1": "SBX's DQN",
        "ppo CartPole-v1": "SBX's PPO",
        "cleanrl-dqn CartPole-v1": "DQN in CleanRL's manner",
    },
}
Row = dict[str, str]
Curve = dict[int, float]  # mean return by step


def gathered(output: Path) -> list[Row]:
    """All rows of a folder, with all columns that any has."""
    rows = [row for path in sorted(output.glob("*.csv")) for row in csv.DictReader(path.read_text().splitlines())]
    columns = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name, "") for name in columns} for row in rows]


def write(rows: list[Row]) -> None:
    """The rows, seeds and steps in order."""
    order = lambda row: (row["algorithm"], row["environment"], row["method"], int(row["seed"]))
    with KEPT.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(rows, key=lambda row: (*order(row), int(row["environment_steps"]))))


def curves(rows: Iterable[Row]) -> dict[str, dict[str, dict[int, Curve]]]:
    """By algorithm with its environment, by method, by seed."""
    found: dict[str, dict[str, dict[int, Curve]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    for row in rows:
        curve = found[f"{row['algorithm']} {row['environment']}"][row["method"]][int(row["seed"])]
        curve[int(row["environment_steps"])] = float(row["mean_return"])
    return found


def common_steps(methods: dict[str, dict[int, Curve]]) -> list[int]:
    """The steps at which every seed of every method was evaluated."""
    seeds = [set(curve) for runs in methods.values() for curve in runs.values()]
    return sorted(set.intersection(*seeds))


def draw(axes: Axes, methods: dict[str, dict[int, Curve]], title: str) -> None:
    """Single seeds thin, and their mean where every seed of every method has got."""
    steps = common_steps(methods)
    for method in sorted(methods, key=style.method_rank):
        runs, colour = methods[method], style.colour(method, methods)
        for curve in runs.values():
            axes.plot(list(curve), list(curve.values()), color=colour, linewidth=0.8, alpha=0.5)
        mean = [fmean(curve[step] for curve in runs.values()) for step in steps]
        label = f"{style.method_name(method)}, {len(runs)} seed{'s' * (len(runs) > 1)}"
        marker = style.MARKERS[style.method_rank(method)]
        axes.plot(steps, mean, color=colour, marker=marker, markersize=3.5, linewidth=2.2, label=label)
    axes.set_title(title)
    axes.set_xlabel("environment steps")
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.legend(loc="best")


def figure(name: str, titles: dict[str, str], found: dict[str, dict[str, dict[int, Curve]]]) -> None:
    """A figure with a panel for each algorithm of which there is a run."""
    panels = {key: title for key, title in titles.items() if key in found}
    if not panels:
        return
    drawn = Figure(figsize=(7 if len(panels) == 1 else 4.2 * len(panels), 4.2), layout="constrained")
    for axes, (key, title) in zip(drawn.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        draw(axes, found[key], title)
        axes.set_ylabel("mean return of 10 deterministic episodes")
    note = "thick: mean over seeds, as far as every run has got; thin: single seeds"
    drawn.supxlabel(note, fontsize=8, color="#555555")
    drawn.savefig(HERE / name)


def table(found: dict[str, dict[str, dict[int, Curve]]]) -> str:
    """Markdown: the mean return at the last step at which all seeds of all methods were evaluated, and of each seed."""
    lines = ["| algorithm and environment | method | steps | mean return | of each seed |", "|---|---|---|---|---|"]
    for key, methods in found.items():
        steps = common_steps(methods)
        for method in sorted(methods, key=style.method_rank):
            last = [curve[steps[-1]] for _, curve in sorted(methods[method].items())]
            seeds = ", ".join(f"{value:,.0f}" for value in last)
            lines.append(f"| {key} | {method} | {steps[-1]:,} | {fmean(last):,.0f} | {seeds} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Everything, from the rows of a folder or from those that are kept."""
    if len(sys.argv) > 1:
        write(gathered(Path(sys.argv[1])))
    found = curves(csv.DictReader(KEPT.read_text().splitlines()))
    with matplotlib.rc_context(style.PARAMETERS):
        for name, titles in FIGURES.items():
            figure(name, titles, found)
    (HERE / "results.md").write_text(table(found))
    print(table(found))


if __name__ == "__main__":
    main()
