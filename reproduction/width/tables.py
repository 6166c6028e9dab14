"""What README.md shows of the studies: returns by width, beside the narrowest network, and what each took."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rows import Row, panels, run_seconds

from sparserl.report.markdown import table
from sparserl.report.statistics import (
    RunScores,
    difference,
    estimate,
    in_words,
    interquartile_mean_over_tasks,
    mean_over_tasks,
    probability_of_improvement,
    run_scores,
)
from sparserl.report.style import method_name

Rates = Mapping[str, Mapping[str, Any]]
HEADER = (
    *("network", "units", "live weights", "sparsity", "steps/s", "masked steps/s", "seconds of a run"),
    *("final return", "interquartile mean", "above the narrowest", "chance to be better"),
)


def results(rows: Sequence[Row], at_learning_rates: Sequence[Row], rates: Rates, processors: Sequence[str]) -> str:
    """All of it as Markdown. at_learning_rates: runs with several; processors: those that rates were measured on."""
    levels = {(row["environment"], row["level"]) for row in rows}
    several = len(levels) > len({environment for environment, _ in levels})
    shown = ("units", *(["live_weights"] if several else []), *(["seconds"] if rates else []))
    parts = [_in_short(rows)]
    parts += [f"![Returns along {along.replace('_', ' ')}](width_{along}.png)" for along in shown]
    for panel, own in panels(rows).items():
        counts = {len({row["seed"] for row in own if row["cell"] == cell}) for cell in {row["cell"] for row in own}}
        said = f"Seeds: {min(counts)}, the same for all networks; means with 95 % t-intervals; pairs of seeds."
        parts.append(f"### {panel}\n\n{said}\n\n{table(HEADER, _lines(own, rates))}")
    return "\n\n".join([*parts, *_with_other_learning_rates(at_learning_rates), *_sweep(rows, rates, processors)])


def scores(rows: Sequence[Row], cell: str) -> RunScores:
    """The final returns of a network."""
    return run_scores({"": {row["seed"]: row["final_return"] for row in rows if row["cell"] == cell}})


def _in_short(rows: Sequence[Row]) -> str:
    """The answer: what each doubling of the width does to returns, method by method."""
    methods = [method for method in dict.fromkeys(row["method"] for row in rows) if method != "dense"]
    lines = [
        (panel, *(_told(slopes([row for row in own if row["method"] == method])) for method in methods))
        for panel, own in panels(rows).items()
    ]
    header = ("change of the final return", *(method_name(method) for method in methods))
    said = (
        "What each doubling of the number of units does to the final return, with the same live weights: the slope of a"
        " line through a seed's returns over the logarithm of the width, its mean over seeds, and the 95 % t-interval."
    )
    return f"{said}\n\n{table(header, lines)}"


def slopes(rows: Sequence[Row]) -> RunScores:
    """The slope of least squares of a method's final returns over the logarithm to base 2 of units, for each seed.

    A seed of which any network has diverged has none, and is counted as diverged.
    """
    by_seed: dict[int, list[Row]] = {}
    for row in rows:
        by_seed.setdefault(row["seed"], []).append(row)
    return run_scores({"": {seed: _slope(own) for seed, own in by_seed.items()}})


def _slope(rows: Sequence[Row]) -> float | None:
    returns = [row["final_return"] for row in rows]
    return None if None in returns else float(np.polyfit(np.log2([row["units"] for row in rows]), returns, 1)[0])


def _told(scores: RunScores) -> str:
    """The mean, and which way it points where the interval leaves out 0."""
    told = estimate(scores, mean_over_tasks)
    ends = told.ends if told is not None else None
    verdict = "" if ends is None else "worse" if ends[1] < 0 else "better" if ends[0] > 0 else "not told from 0"
    return ": ".join(filter(None, (in_words(told), verdict)))


def _lines(rows: Sequence[Row], rates: Rates) -> Iterator[tuple[str, ...]]:
    for cell in dict.fromkeys(row["cell"] for row in rows):
        row = next(row for row in rows if row["cell"] == cell)
        alike = [other for other in rows if other["method"] == row["method"]]
        narrowest = min(alike, key=lambda other: other["units"])["cell"]
        own, beside = scores(rows, cell), scores(rows, narrowest)
        seconds = run_seconds(row, rates)
        masked = None if row["method"] == "dense" else run_seconds(row, rates, masked=True)
        updates = row["total_steps"] - row["warmup_steps"]
        rate = lambda took, updates=updates: "" if took is None else f"{updates / took:,.0f}"
        is_wider = cell != narrowest
        yield (
            method_name(row["method"]),
            f"{row['units']:,}",
            f"{row['live_weights']:,}",
            f"{row['sparsity']:.2%}" if row["sparsity"] else "",
            rate(seconds),
            rate(masked),
            "" if seconds is None else f"{seconds:,.0f}",
            in_words(estimate(own, mean_over_tasks)),
            in_words(estimate(own, interquartile_mean_over_tasks)),
            in_words(difference(own, beside, mean_over_tasks)) if is_wider else "",
            in_words(probability_of_improvement(own, beside)) if is_wider else "",
        )


def _with_other_learning_rates(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each network, one for what the wide has above the narrow, and a column for each learning rate.

    By the seeds that all of them have.
    """
    seeds: dict[tuple[str, float], set[int]] = {}
    for row in rows:
        seeds.setdefault((row["cell"], row["learning_rate"]), set()).add(row["seed"])
    networks = {row["cell"]: row for row in rows}
    rates = sorted({rate for _, rate in seeds})
    shared = set.intersection(*seeds.values()) if seeds else set()
    if len(rates) < 2 or not shared or len(seeds) < len(networks) * len(rates):
        return
    of = lambda cell, rate: scores(
        [each for each in rows if each["learning_rate"] == rate and each["seed"] in shared], cell
    )
    lines = []
    for method in dict.fromkeys(row["method"] for row in networks.values()):
        own = [(row["units"], cell) for cell, row in networks.items() if row["method"] == method]
        for units, cell in own:
            told = (in_words(estimate(of(cell, rate), mean_over_tasks)) for rate in rates)
            lines.append((method_name(method), f"{units:,}", *told))
        (fewest, narrow), (most, wide) = min(own), max(own)
        if wide != narrow:
            told = (in_words(difference(of(wide, rate), of(narrow, rate), mean_over_tasks)) for rate in rates)
            lines.append((method_name(method), f"{most:,} above {fewest:,}", *told))
    header = ("network", "units", *(f"{rate:g}" for rate in rates))
    [panel] = panels(rows)
    said = (
        f"{panel}: final returns with the preset's learning rate, in the first column, and with larger ones. Seeds:"
        f" {len(shared)}; means with 95 % t-intervals."
    )
    yield f"### Learning rates\n\n{said}\n\n{table(header, lines)}"


def _sweep(rows: Sequence[Row], rates: Rates, processors: Sequence[str]) -> Iterator[str]:
    """What all runs of a part took, and would take with masked kernels."""
    lines = []
    for part in dict.fromkeys(row["part"] for row in rows):
        own = [row for row in rows if row["part"] == part and row["method"] != "dense"]
        pairs = [(run_seconds(row, rates), run_seconds(row, rates, masked=True)) for row in own]
        known = [(here, there) for here, there in pairs if here is not None and there is not None]
        if known:
            here, there = (sum(side) / 3_600 for side in zip(*known, strict=True))
            lines.append((part, f"{len(known):,}", f"{here:,.2f}", f"{there:,.2f}", f"{there / here:,.1f}"))
    if lines:
        header = ("part", "sparse runs", "core-hours", "masked, core-hours", "times as many")
        said = (
            f"Training alone, from rates on an idle machine: {' and '.join(processors)}, one core a run. Masked kernels"
            " are dense arrays with zeros, as others train sparsely; each width was measured with a static topology, so"
            " RigL's own work on its topology is left out."
        )
        yield f"### The sweep, and what it would cost masked\n\n{said}\n\n{table(header, lines)}"
