"""Figure 6: what noise on observations does to trained policies, among policies that do about as well without it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sparserl.persistence import UserError, has_noise, read_noise
from sparserl.report.comparable import MOST_POLICIES
from sparserl.report.comparable import comparable as chosen_by_score
from sparserl.report.figures import notes
from sparserl.report.figures.canvas import finish, name_panel
from sparserl.report.figures.curve_panels import Curve, draw_curve, entries, explanation, seeds_in_words, set_ticks
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.lines import environments_of, label_axes, panels_for
from sparserl.report.figures.looks import look
from sparserl.report.figures.named_lines import Line, in_legend_order
from sparserl.report.figures.places import cells
from sparserl.report.figures.specs import Spec
from sparserl.report.figures.summary import panel_title, shown_panels
from sparserl.report.figures.words import column_label, number, printable, significant

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection


class NoisyReturns(NamedTuple):
    """A trained run and its mean return by the standard deviation of the noise."""

    run: "Run"
    by_noise: Mapping[float, float]

    @property
    def score(self) -> float:
        """The return without noise, or under the least that there is."""
        return self.by_noise[min(self.by_noise)]


Policies = dict[tuple[Any, Any], dict[Line, list[NoisyReturns]]]


def draw_noise(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Drawn:
    """Mean returns over the chosen policies against the noise, a panel for each environment, a line for each size."""
    every_policy = _policies(spec, selection, runs)
    if not every_policy:
        raise UserError(
            "no run has been evaluated under noise: `sparserl study run` does that for studies that ask for it"
        )
    chosen = {panel: comparable(lines) for panel, lines in every_policy.items()}
    curves = {panel: {line: _curve(each) for line, each in lines.items()} for panel, lines in chosen.items()}
    shown, more = shown_panels(curves)
    every = in_legend_order(line for lines in shown.values() for line in lines)
    panels = panels_for(spec, list(shown))
    for axes, (panel, lines) in zip(panels.axes, shown.items(), strict=True):
        for line, curve in lines.items():
            draw_curve(axes, curve, line.label, look(line, every), (every.index(line), len(every)))
        set_ticks(axes)
        name_panel(panels, axes, panel_title(spec, panel))
    label_axes(panels, column_label("observation_noise"), "mean return")
    of_line = lambda line: [lines[line] for lines in curves.values() if line in lines]
    labels = {line.label: f"{printable(line.label)}  \u00b7  {seeds_in_words(of_line(line))}" for line in every}
    without = sum(len(each) for lines in every_policy.values() for each in lines.values())
    said = (*explanation(panels, set()), *more, *_notes(spec, selection, chosen, len(runs) - without))
    finish(panels, printable(spec.title), entries(panels, labels), said)
    header = (*(name for name in spec.facets if name), "line", "observation_noise", "mean_return", "policies")
    return Drawn(spec.name, spec.title, panels.figure, _text(spec, curves), header, tuple(_rows(spec, curves)), said)


def comparable(lines: Mapping[Line, Sequence[NoisyReturns]]) -> dict[Line, list[NoisyReturns]]:
    """Of every line the policies that `report.comparable` chooses by their returns without noise."""
    ordered = {line: sorted(policies, key=lambda policy: policy.run.id) for line, policies in lines.items()}
    scores = {line: {i: policies[i].score for i in range(len(policies))} for line, policies in ordered.items()}
    return {line: [ordered[line][i] for i in chosen] for line, chosen in chosen_by_score(scores).items()}


def _policies(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Policies:
    sized = spec._replace(x="", lines="sparsity")
    gathered: Policies = {}
    for panel, lines in cells(runs, sized, environments_of(selection)).items():
        for line, xs in lines.items():
            for run in (run for each in xs.values() for run in each):
                if run.folder is not None and has_noise(run.folder) and (by_noise := _by_noise(run)):
                    gathered.setdefault(panel, {}).setdefault(line, []).append(NoisyReturns(run, by_noise))
    return gathered


def _by_noise(run: "Run") -> dict[float, float]:
    table = read_noise(run.folder)  # type: ignore[arg-type]
    pairs = zip(table["observation_noise"].to_pylist(), table["mean_return"].to_pylist(), strict=True)
    return {noise: value for noise, value in pairs if value is not None and np.isfinite(value)}


def _curve(policies: Sequence[NoisyReturns]) -> Curve:
    places = sorted({noise for policy in policies for noise in policy.by_noise})
    returns = [[policy.by_noise.get(place, np.nan) for place in places] for policy in policies]
    return Curve(np.array(places, np.float64), np.array(returns, np.float64), 0)


def _notes(spec: Spec, selection: "Selection", chosen: Policies, num_without: int) -> Iterator[str]:
    rule = f"of each line the {MOST_POLICIES} whose return without noise is nearest to one that every line reaches"
    yield f"policies: {rule}"
    ranges = []
    for panel, lines in chosen.items():
        scores = [policy.score for policies in lines.values() for policy in policies]
        ranges.append(f"{panel_title(spec, panel)} {significant(min(scores))} to {significant(max(scores))}".strip())
    yield f"their returns without noise: {notes.listed(ranges, len(ranges))}"
    if num_without > 0:
        yield f"not evaluated under noise, left out: {num_without} of the runs"
    yield from notes.missing_runs(selection, spec)
    yield from notes.few_seeds(len(policies) for lines in chosen.values() for policies in lines.values())
    yield from notes.problems(selection)


def _rows(spec: Spec, curves: Mapping[Any, Mapping[Line, Curve]]) -> Iterator[tuple[Any, ...]]:
    for panel, lines in curves.items():
        where = [value for name, value in zip(spec.facets, panel, strict=True) if name]
        for line, curve in lines.items():
            for i in range(len(curve.places)):
                values = curve.returns[:, i][np.isfinite(curve.returns[:, i])]
                yield (*where, line.label, float(curve.places[i]), float(values.mean()), len(values))


def _text(spec: Spec, curves: Mapping[Any, Mapping[Line, Curve]]) -> str:
    told = []
    for panel, lines in list(curves.items())[:3]:
        last = {line: float(np.nanmean(curve.returns[:, -1])) for line, curve in lines.items()}
        best = max(last, key=lambda line: last[line])
        noise = number(float(lines[best].places[-1]))
        where = f"{panel_title(spec, panel)}: highest under noise of {noise}"
        told.append(f"{where} is {printable(best.label)} with {significant(last[best])}")
    return f"{printable(spec.title)}: mean return against the noise on observations. {'; '.join(told)}."
