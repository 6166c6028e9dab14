"""Drawing: a stored figure and a selection of runs in, a picture with its data out; never an error in between."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sparserl.persistence import UserError
from sparserl.report.figures.bars import draw_bars
from sparserl.report.figures.canvas import empty, finish
from sparserl.report.figures.curves import draw_curves
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.equal_cost import draw_equal_cost
from sparserl.report.figures.flops import draw_flops
from sparserl.report.figures.house import house_style
from sparserl.report.figures.lines import draw_lines
from sparserl.report.figures.noise import draw_noise
from sparserl.report.figures.profiles import draw_profiles
from sparserl.report.figures.ranking import draw_ranking
from sparserl.report.figures.specs import Spec, check_axes, spec_of
from sparserl.report.figures.thresholds import draw_thresholds
from sparserl.report.figures.words import printable
from sparserl.report.scores import human_normalized

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection

_KINDS: Mapping[str, Callable[..., Drawn]] = {
    "lines": draw_lines,
    "bars": draw_bars,
    "curves": draw_curves,
    "table": draw_ranking,
    "flops": draw_flops,
    "noise": draw_noise,
    "profile": draw_profiles,
    "threshold": draw_thresholds,
    "comparison": draw_equal_cost,
}
_WITHOUT_RUNS = ("flops",)
_LONGEST_REASON = 1_000  # characters


def draw(figure: Mapping[str, Any], selection: "Selection") -> Drawn:
    """The figure that `figure` describes, one of those of `selection`, from the runs that there are.

    What is missing is said on it. Where nothing can be drawn, because a column is unknown or there is no run, the
    figure says why.
    """
    selection = selection._replace(runs=tuple(sorted(selection.runs, key=lambda run: run.id)))  # sums have an order
    name = str(figure.get("name", "figure"))
    with house_style():
        try:
            spec = spec_of(figure)
            if spec.kind not in _KINDS:
                raise UserError(field="kind", value=spec.kind, allowed=_KINDS)
            return _drawn(spec, selection)
        except UserError as error:
            return _empty(name, str(figure.get("title", name)), str(error))


def _drawn(spec: Spec, selection: "Selection") -> Drawn:
    shown = set(spec.experiments)
    runs = [run for run in selection.runs if not shown or run.id.experiment in shown]
    if not runs and spec.kind not in _WITHOUT_RUNS:
        raise UserError(f"none of its runs has an evaluation yet ({len(selection.missing)} are missing)")
    kind = "noise" if spec.x == "observation_noise" else spec.kind
    if spec.y == "human_normalized_return" and not any(_has_human_score(run) for run in runs):
        spec = spec._replace(y="normalized_return")  # of what stands in for games where little is trained
    if runs:
        check_axes(spec, runs)
    return _KINDS[kind](spec, selection, runs)


def _has_human_score(run: "Run") -> bool:
    return human_normalized(str(run.columns.get("environment")), 0.0) is not None


def _empty(name: str, title: str, why: str) -> Drawn:
    """A figure that says why there is none."""
    panels, reason = empty(), printable(why, _LONGEST_REASON)
    finish(panels, printable(title), (), (f"not drawn: {reason}",))
    text = f"{printable(title)}: not drawn, because {reason}."
    return Drawn(name, title, panels.figure, text, ("not drawn",), ((why,),), (why,))
