"""Performance profiles: the share of runs whose normalized return exceeds a threshold, for every threshold."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sparserl.persistence import UserError
from sparserl.report.figures import notes
from sparserl.report.figures.canvas import finish, name_panel
from sparserl.report.figures.curve_panels import entries
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.lines import environments_of, label_axes, panels_for
from sparserl.report.figures.looks import look
from sparserl.report.figures.named_lines import Line, in_legend_order
from sparserl.report.figures.places import cells
from sparserl.report.figures.points import Measure, measure_of
from sparserl.report.figures.specs import Spec
from sparserl.report.figures.summary import panel_title, shown_panels
from sparserl.report.figures.words import column_label, printable, tick
from sparserl.report.statistics import FEWEST_FOR_INTERVAL, Profile, performance_profile, run_scores

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection

_NUM_THRESHOLDS = 101
_MOST_BANDS = 6  # of a panel; more would hide the lines
Profiles = dict[tuple[Any, Any], dict[Line, Profile]]


def draw_profiles(spec: Spec, selection: "Selection", runs: Sequence["Run"]) -> Drawn:
    """Run-score distributions with 95 % intervals at each threshold; every environment counts alike."""
    measure = measure_of(spec, selection.runs)
    placed = cells(runs, spec._replace(x=""), environments_of(selection))
    profiles = _profiles(placed, measure)
    if not profiles:
        raise UserError(f"no run has a {column_label(spec.y)}")
    shown, more = shown_panels(profiles)
    every = in_legend_order(line for lines in shown.values() for line in lines)
    panels = panels_for(spec, list(shown))
    for axes, (panel, lines) in zip(panels.axes, shown.items(), strict=True):
        for line, profile in lines.items():
            style = {**look(line, every), "marker": ""}
            axes.plot(profile.thresholds, 100 * profile.shares, label=line.label, **style)
            if profile.num_seeds[0] >= FEWEST_FOR_INTERVAL and len(lines) <= _MOST_BANDS:
                ends = 100 * profile.low, 100 * profile.high
                apart = (profile.shares > 0) & (profile.shares < 1)  # elsewhere all bands are the same
                axes.fill_between(profile.thresholds, *ends, where=apart, color=style["color"], alpha=0.1, linewidth=0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
            axis.set_major_formatter(FuncFormatter(tick))
        axes.set_ylim(-3, 103)
        name_panel(panels, axes, panel_title(spec, panel))
    label_axes(panels, f"threshold of the {column_label(spec.y)}", "runs above it (%)")
    drawn = [run for lines in placed.values() for xs in lines.values() for each in xs.values() for run in each]
    said = (*more, *_notes(spec, selection, measure, profiles, drawn))
    finish(panels, printable(spec.title), entries(panels, {line.label: printable(line.label) for line in every}), said)
    header = (*(name for name in spec.facets if name), "line", "threshold", "share", "low", "high", "seeds")
    return Drawn(
        spec.name, spec.title, panels.figure, _text(spec, profiles), header, tuple(_rows(spec, profiles)), said
    )


def _profiles(placed: Any, measure: Measure) -> Profiles:
    scores: dict[Any, dict[Line, Any]] = {}
    for panel, lines in placed.items():
        for line, xs in lines.items():
            by_task: dict[str, dict[int, float | None]] = {}
            for run in (run for each in xs.values() for run in each):
                if run.final_return is not None and (value := measure.value(run)) is not None:
                    by_task.setdefault(str(run.columns.get("environment")), {})[run.id.seed] = value
            if by_task:
                scores.setdefault(panel, {})[line] = run_scores(by_task)
    values = [value for lines in scores.values() for each in lines.values() for value in np.concatenate(each.values)]
    if not values:
        return {}
    low, high = min(values), max(values)
    beyond = 0.03 * (high - low) or 0.03
    thresholds = np.linspace(low - beyond, high + beyond, _NUM_THRESHOLDS)
    return {
        panel: {line: profile for line, each in lines.items() if (profile := performance_profile(each, thresholds))}
        for panel, lines in scores.items()
    }


def _notes(
    spec: Spec, selection: "Selection", measure: Measure, profiles: Profiles, runs: Sequence["Run"]
) -> Iterator[str]:
    every = [profile for lines in profiles.values() for profile in lines.values()]
    with_bands = any(profile.num_seeds[0] >= FEWEST_FOR_INTERVAL for profile in every)
    kind = f"; band: 95 % {every[0].interval} at each threshold" if with_bands else ""
    if with_bands and max(map(len, profiles.values())) > _MOST_BANDS:
        kind += f", of panels with at most {_MOST_BANDS} lines; the table has all"
    yield f"line: share of runs above the threshold, environments weighted alike{kind}"
    yield from notes.missing_runs(selection, spec)
    yield from notes.few_seeds(profile.num_seeds[0] for profile in every)
    yield from notes.left_out(runs)
    yield from notes.normalized(measure, runs)
    yield from notes.problems(selection)


def _rows(spec: Spec, profiles: Profiles) -> Iterator[tuple[Any, ...]]:
    for panel, lines in profiles.items():
        where = [value for name, value in zip(spec.facets, panel, strict=True) if name]
        for line, profile in lines.items():
            columns = profile.thresholds, profile.shares, profile.low, profile.high
            for numbers in zip(*(column.tolist() for column in columns), strict=True):
                yield (*where, line.label, *numbers, profile.num_seeds[0])


def _share_above(profile: Profile, threshold: float) -> float:
    return float(np.interp(threshold, profile.thresholds, profile.shares))


def _text(spec: Spec, profiles: Profiles) -> str:
    told = []
    for panel, lines in list(profiles.items())[:3]:
        place = [(_share_above(profile, 0.9), line.label) for line, profile in lines.items()]
        share, label = max(place)
        title = panel_title(spec, panel)
        told.append(f"{f'{title}: ' if title else ''}{printable(label)} has most runs above 0.9, {100 * share:.3g} %")
    return f"{printable(spec.title)}: share of runs above each normalized return. {'; '.join(told)}."
