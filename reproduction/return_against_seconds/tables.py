"""What README.md shows of the study: who is better after equal seconds, and what is not on the clock."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rows import Row
from six_networks import NETWORKS, SMALL, label, num_last

from sparserl.persistence import processor_name
from sparserl.report.markdown import table
from sparserl.report.statistics import (
    Estimate,
    RunScores,
    difference,
    estimate,
    in_words,
    interquartile_mean_over_tasks,
    mean_over_tasks,
    probability_of_improvement,
    run_scores,
)
from sparserl.report.tracks import Track, Tracks

LAST = {network.name: num_last(network.num_evaluations) for network in NETWORKS}
MEBIBYTE = 2**20
FEW = 5  # seeds, below which intervals hold for returns that are about normal, and little is told apart


class Evidence(NamedTuple):
    """All that results are written from: rows, tracks of the same seeds along both costs, and what was measured."""

    rows: Sequence[Row]
    along_steps: Tracks
    along_seconds: Tracks
    rates: Mapping[str, Any]
    learning_rates: Mapping[str, Any]

    @property
    def seconds(self) -> int:
        """That each run trains for."""
        return round(max(track.places[-1] for each in self.along_seconds.values() for track in each.values()))

    def row_of(self, environment: str, network: str) -> Row:
        """Any row of a network."""
        return next(row for row in self.rows if (row["environment"], row["network"]) == (environment, network))

    def rate_of(self, environment: str, network: str) -> Mapping[str, Any]:
        """What was measured of it."""
        return next(row for row in self.rates["rows"] if row["name"] == label(network, environment))


def results(evidence: Evidence) -> str:
    """All of it as Markdown."""
    figures = (f"![Returns along {along}](return_against_{along}.png)" for along in ("seconds", "steps"))
    parts = [*_claims(evidence), *figures, *_tables(evidence), *_costs(evidence), *_tuning(evidence.learning_rates)]
    return "\n\n".join(parts)


def finals(tracks: Tracks, network: str) -> RunScores:
    """The final returns of a network in the environments in which it and the small dense one have runs."""
    shared = {name: each for name, each in tracks.items() if network in each and SMALL in each}
    return run_scores({name: each[network].last(LAST[network]) for name, each in shared.items()})


def verdict(apart: Estimate | None) -> str:
    """What the interval of a difference says."""
    if apart is None or apart.low is None or apart.high is None:
        return "not known"
    return "better" if apart.low > 0 else "worse" if apart.high < 0 else "not told apart"


def _claims(evidence: Evidence) -> Iterator[str]:
    """A line for each environment, and one over all of them, beside the small dense network."""
    tracks = evidence.along_seconds
    for environment, each in tracks.items():
        here = {environment: each}
        told = []
        for network in [network for network in each if network != SMALL and SMALL in each]:
            apart = difference(finals(here, network), finals(here, SMALL), mean_over_tasks)
            told.append(f"{network} {verdict(apart)} ({in_words(apart)})")
        if told:
            yield f"**{environment}**, final returns of {evidence.seconds:g} s, beside *{SMALL}*: {'; '.join(told)}."
    if len(tracks) > 1:
        networks = [network.name for network in NETWORKS if network.name != SMALL]
        chances = {name: probability_of_improvement(finals(tracks, name), finals(tracks, SMALL)) for name in networks}
        told = [f"{name} {in_words(chance)}" for name, chance in chances.items() if chance is not None]
        yield f"Over both environments, the chance that a run is better than one of *{SMALL}*: {'; '.join(told)}."


def _tables(evidence: Evidence) -> Iterator[str]:
    for environment, each in evidence.along_seconds.items():
        at_steps = min(track.places[-1] for track in evidence.along_steps[environment].values())
        header = (
            *("network", "live parameters", "steps/s", "steps", f"return after {evidence.seconds / 2:g} s"),
            *("final return", "its interquartile mean", f"above *{SMALL}*", "chance to be better"),
            *(f"return after {at_steps:,.0f} steps", "learning rate", "peak memory"),
        )
        names = [network.name for network in NETWORKS if network.name in each]
        lines = [_line(evidence, environment, name, at_steps) for name in names]
        counts = sorted({len(track.returns) for track in each.values()})
        diverged = sum(track.num_diverged for track in each.values())
        said = f"{counts[0]} seeds, the same for all networks" if counts[0] > 1 else "One seed of each network"
        said += f", {diverged} runs diverged; means with 95 % t-intervals; differences of pairs of seeds. {_finals()}"
        if counts[0] < FEW:
            said += f" **Fewer than {FEW} seeds: too few to tell networks apart; the study goes on.**"
        yield f"### {environment}\n\n{said}\n\n{table(header, lines)}"


def _finals() -> str:
    """What a final return is, of all networks, and of those that are evaluated more often."""
    usual = min(LAST.values())
    others = ", ".join(f"of *{name}* the last {count}" for name, count in LAST.items() if count != usual)
    return f"Final returns are means over the last {usual} evaluations{f', {others}' if others else ''}."


def _line(evidence: Evidence, environment: str, network: str, at_steps: float) -> tuple[str, ...]:
    along_seconds, rate = evidence.along_seconds[environment], evidence.rate_of(environment, network)
    track, about = along_seconds[network], evidence.row_of(environment, network)
    here = {environment: along_seconds}
    final, small = finals(here, network), finals(here, SMALL)
    beside = network != SMALL
    return (
        network,
        f"{about['live_parameters']:,}",
        f"{rate['steps_per_second']:,.0f}",
        f"{about['total_steps']:,}",
        _mean(track, evidence.seconds / 2),
        in_words(estimate(run_scores({"": track.last(LAST[network])}), mean_over_tasks)),
        in_words(estimate(run_scores({"": track.last(LAST[network])}), interquartile_mean_over_tasks)),
        in_words(difference(final, small, mean_over_tasks)) if beside else "",
        in_words(probability_of_improvement(final, small)) if beside else "",
        _mean(evidence.along_steps[environment][network], at_steps),
        f"{about['learning_rate']:g}",
        f"{rate['peak_bytes'] / MEBIBYTE:,.0f} MiB",
    )


def _mean(track: Track, place: float) -> str:
    return in_words(estimate(run_scores({"": track.at(place)}), mean_over_tasks))


def _costs(evidence: Evidence) -> Iterator[str]:
    """What is not on the clock, and how long the runs really took."""
    header = (
        *("network", "environment", "on the clock", "runs without evaluations", "an evaluation", "start, compiling"),
        *("new layouts", "steps/s, lowest to highest", "networks, targets, moments"),
    )
    lines = []
    for environment, each in evidence.along_seconds.items():
        for network, track in each.items():
            rate = evidence.rate_of(environment, network)
            rounds = rate["steps_per_second_of_rounds"]
            size = [number / 1024 for number in rate["network_bytes"]]
            lines.append(
                (
                    network,
                    environment,
                    f"{track.places[-1]:.0f} s",
                    _took(evidence, environment, network, rate["evaluation_seconds"]),
                    f"{rate['evaluation_seconds']:.2f} s",
                    f"{rate['start_seconds']:.1f} s",
                    f"{rate['relayout_seconds']:.1f} s",
                    f"{min(rounds):,.0f} to {max(rounds):,.0f}",
                    f"{size[0]:,.0f} KiB" + ("" if size[0] == size[1] else f", {size[1]:,.0f} in the end"),
                )
            )
    machine = evidence.rates["machine"]
    where = f"{processor_name(machine)}, {machine['cpu_features']}, {machine['num_cores']} cores"
    words = (
        f"Measured on {where}, {evidence.rates['settings']['repeats']} times each, in turns. Not on the clock, for any"
        " network: evaluations, the start of the process with compiling, and the compiling of new layouts as pruning"
        " goes on. Beside it what the runs took from their first evaluation to their last, less evaluations and"
        " checkpoints: the median of those that were never stopped, compiling included, however busy the machine was,"
        f" of the processors {_processors(evidence)}."
    )
    yield f"### What is not on the clock\n\n{words}\n\n{table(header, lines)}"


def _processors(evidence: Evidence) -> str:
    """What the runs of each environment were compiled for: `znver3 (HalfCheetah-v5) and znver5 (Walker2d-v5)`."""
    found: dict[str, set[str]] = {}
    for row in evidence.rows:
        found.setdefault(row["environment"], set()).add(row["processor"])
    return " and ".join(f"{', '.join(sorted(names))} ({environment})" for environment, names in found.items())


def _took(evidence: Evidence, environment: str, network: str, evaluation_seconds: float) -> str:
    """Seconds from the first evaluation to the last, less those of evaluations and checkpoints."""
    runs: dict[int, list[Row]] = {}
    for row in evidence.rows:
        if (row["environment"], row["network"], row["status"]) == (environment, network, "finished"):
            runs.setdefault(row["seed"], []).append(row)
    seconds = [
        rows[-1]["wall_seconds"]
        - rows[0]["wall_seconds"]
        - (len(rows) - 1) * evaluation_seconds
        - (rows[0]["checkpoint_seconds"] or 0.0)
        for rows in runs.values()
        if rows[0]["attempts"] == 1
    ]
    return f"{statistics.median(seconds):,.0f} s" if seconds else "not known"


def _tuning(learning_rates: Mapping[str, Any]) -> Iterator[str]:
    """The whole grid of learning rates."""
    grid = learning_rates["final_returns"]
    if not grid:
        yield "### Learning rates\n\nNot tuned: the preset's for all networks."
        return
    rates = list(next(iter(grid.values())))
    header = ("network", *(f"{rate}" for rate in rates), "chosen")
    mean = lambda returns: "diverged" if None in returns else f"{statistics.fmean(returns):,.0f}"
    each = lambda returns: ", ".join("diverged" if value is None else f"{value:,.0f}" for value in returns)
    lines = [
        (name, *(f"{mean(of[rate])} ({each(of[rate])})" for rate in rates), f"{learning_rates['chosen'][name]:g}")
        for name, of in grid.items()
    ]
    said = (
        f"{learning_rates['environment']}, a third of the seconds: means of final returns, and those of single seeds."
    )
    yield f"### Learning rates\n\n{said} The highest mean was chosen, for both environments.\n\n{table(header, lines)}"
