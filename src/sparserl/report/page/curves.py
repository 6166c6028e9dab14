"""Curves: learning curves as numbers for the charts that can be zoomed, and as pictures that need no script."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from sparserl.report.page.text import data_address, number
from sparserl.report.runs import Run
from sparserl.report.style import colour, method_rank

MOST_POINTS = 200  # of a curve; those between are left out, never the last
MOST_LINES = 400  # of all charts of a page
_WIDTH, _HEIGHT = 320, 80  # of a picture of one run
_DIGITS = 6  # of a return in a chart


class CurveLine(NamedTuple):
    """The mean over the seeds of an experiment; `returns` are None where no seed has a finite one."""

    name: str
    colour: str
    dash: int  # which pattern: lines of one colour differ in it
    steps: list[int]
    returns: list[float | None]
    num_seeds: int


class Panel(NamedTuple):
    """The lines of one environment."""

    environment: str
    lines: list[CurveLine]
    left_out: int  # lines beyond the most that a page shows


def panels(experiments: Mapping[str, Sequence[Run]], names: Mapping[str, str], room: int = MOST_LINES) -> list[Panel]:
    """One panel for each environment, each experiment a line by its name, while there is room for lines."""
    by_environment: dict[str, list[tuple[str, Sequence[Run]]]] = {}
    for identifier, runs in experiments.items():
        by_environment.setdefault(str(runs[0].columns["environment"]), []).append((names[identifier], runs))
    methods = {str(runs[0].columns["method"]) for runs in experiments.values()}
    made = []
    for environment in sorted(by_environment):
        ordered = sorted(by_environment[environment], key=lambda each: _place(each[1]))
        shown = ordered[: max(room, 0)]
        room -= len(shown)
        made.append(Panel(environment, _lines(shown, methods), len(ordered) - len(shown)))
    return made


def _place(runs: Sequence[Run]) -> tuple[Any, ...]:
    columns = runs[0].columns
    return method_rank(str(columns["method"])), str(columns["method"]), columns["sparsity"], runs[0].id


def _lines(ordered: Sequence[tuple[str, Sequence[Run]]], methods: set[str]) -> list[CurveLine]:
    lines: list[CurveLine] = []
    used: dict[str, int] = {}
    several = len({runs[0].columns["agent"] for _, runs in ordered}) > 1
    for name, runs in ordered:
        shade = colour(str(runs[0].columns["method"]), methods)
        dash = used[shade] = used.get(shade, -1) + 1
        agent = f"{runs[0].columns['agent']} " if several else ""
        lines.append(CurveLine(f"{agent}{name}", shade, dash, *_mean(runs), len(runs)))
    return lines


def _mean(runs: Sequence[Run]) -> tuple[list[int], list[float | None]]:
    """Steps and the mean return at them over the seeds that have come so far, where all of these are finite."""
    steps = thinned(np.unique(np.concatenate([run.environment_steps for run in runs])))
    total, count = np.zeros(len(steps)), np.zeros(len(steps))
    for run in runs:
        there = np.isin(steps, run.environment_steps)
        at = np.searchsorted(run.environment_steps, steps[there])
        total[there] += run.mean_return[at]
        count[there] += 1
    means = np.divide(total, count, out=np.full(len(steps), np.nan), where=count > 0)
    return steps.tolist(), finite(means)


def thinned(values: np.ndarray, most: int = MOST_POINTS) -> np.ndarray:
    """At most so many of them, evenly over the whole, the first and the last included."""
    if len(values) <= most:
        return values
    return values[np.unique(np.linspace(0, len(values) - 1, most).round().astype(int))]


def finite(values: np.ndarray) -> list[float | None]:
    """Numbers as JSON has them, with None for what is not finite."""
    return [float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None for value in values.tolist()]


def of_run(run: Run) -> dict[str, Any]:
    """The curve of one run for a chart."""
    at = thinned(np.arange(len(run.environment_steps)))
    steps, returns = run.environment_steps[at].tolist(), finite(run.mean_return[at])
    return {"name": f"seed {run.id.seed}", "steps": steps, "returns": returns}


def picture(run: Run) -> Markup:
    """The curve of one run as the address of an SVG."""
    at = thinned(np.arange(len(run.environment_steps)))
    steps, returns = run.environment_steps[at].astype(float), run.mean_return[at]
    seen = np.isfinite(returns)
    low, high = (returns[seen].min(), returns[seen].max()) if seen.any() else (0.0, 1.0)
    across = steps / max(steps[-1], 1) * (_WIDTH - 8) + 4
    up = _HEIGHT - 6 - (returns - low) / ((high - low) or 1.0) * (_HEIGHT - 12)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across[seen], up[seen], strict=True))
    line = f'<polyline points="{points}" fill="none" stroke="#0b5cad" stroke-width="1.6" stroke-linejoin="round"/>'
    frame = f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
    base = f'<path d="M4 {_HEIGHT - 3}H{_WIDTH - 4}" stroke="#c9c9c9"/>'
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{frame}{base}{line}</svg>'
    return data_address("image/svg+xml", svg.encode())


def in_words(run: Run) -> str:
    """What the picture of a run shows."""
    seen = run.mean_return[np.isfinite(run.mean_return)]
    if not len(seen):
        return f"Learning curve of seed {run.id.seed}: no evaluation has a finite return."
    last = number(run.environment_steps[-1])
    ends = f"{number(seen[0])} at first, {number(seen[-1])} at last, {number(seen.max())} at best"
    return f"Learning curve of seed {run.id.seed}: mean return over {last} environment steps, {ends}."
