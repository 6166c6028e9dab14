"""Figure 7: what a forward pass costs at a sparsity, by how it is distributed over layers. It needs no run."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sparserl.persistence import UserError
from sparserl.report.figures.canvas import finish, name_panel
from sparserl.report.figures.curve_panels import entries, log_axis
from sparserl.report.figures.drawn import Drawn
from sparserl.report.figures.legends import Entry
from sparserl.report.figures.lines import environments_of, label_axes, panels_for
from sparserl.report.figures.specs import Spec
from sparserl.report.figures.summary import shown_panels
from sparserl.report.figures.words import printable, tick, value_label

if TYPE_CHECKING:
    from sparserl.report.runs import Run
    from sparserl.report.selection import Selection

_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "erk": {"color": "#0072B2", "marker": "o", "linestyle": "-"},
    "uniform": {"color": "#E69F00", "marker": "s", "linestyle": (0, (5, 1.5))},
}
_OTHER: Mapping[str, Any] = {"color": "#CC79A7", "marker": "^", "linestyle": (0, (1.2, 1.2))}
_DENSE: Mapping[str, Any] = {"color": "#3B3B3B", "marker": "D", "linestyle": (0, (3, 1, 1, 1))}
_EQUAL: Mapping[str, Any] = {"color": "#9A9A9A", "linestyle": (0, (1, 2)), "linewidth": 1.1, "marker": ""}
_MATCHED, _SAME = "Dense, as many parameters", "as many as parameters are left"
_EQUALLY_DENSE = np.linspace(0, 0.99, 100)
Panel = tuple[str, str]  # network and environment


class Cost(NamedTuple):
    """A network's cost: multiply-accumulates of one forward pass, those that are live, and when dense."""

    panel: Panel
    line: str
    sparsity: float
    live_macs: float
    macs: float


def draw_flops(spec: Spec, selection: "Selection", _: Sequence["Run"]) -> Drawn:
    """Live multiply-accumulates, as a percentage of the dense network's, against sparsity."""
    order, costs = environments_of(selection), list(_costs(selection))
    if not costs:
        raise UserError("no experiment says what its networks cost")
    panels_in_order = sorted(
        {cost.panel for cost in costs},
        key=lambda panel: (panel[0], order.index(panel[1]) if panel[1] in order else 0, panel),
    )
    lines = {panel: _lines([cost for cost in costs if cost.panel == panel]) for panel in panels_in_order}
    shown, more = shown_panels(lines)
    panels = panels_for(spec._replace(rows="network_kind"), list(shown))
    for axes, (panel, each) in zip(panels.axes, shown.items(), strict=True):
        _draw_panel(axes, each)
        name_panel(panels, axes, f"{value_label('network_kind', panel[0])}, {printable(panel[1])}")
    label_axes(panels, "sparsity (%)", "multiply-accumulates (% of dense)")
    names = dict.fromkeys(name for each in lines.values() for name in each)
    said = (*more, "of one forward pass through all networks, as `sparserl describe` counts it; no training is needed")
    legend: list[Entry] = entries(panels, {name: printable(name) for name in (*names, _SAME)})
    finish(panels, printable(spec.title), legend, said)
    table = tuple(
        (*panel, name, sparsity, percent / 100)
        for panel, each in lines.items()
        for name, points in each.items()
        for sparsity, percent in points
    )
    header = ("network", "environment", "line", "sparsity", "live_macs_of_dense")
    return Drawn(spec.name, spec.title, panels.figure, _text(spec, lines), header, table, said)


def has_cost(columns: Mapping[str, Any]) -> bool:
    """Whether an experiment says what its network costs. One with a budget has what was asked for, not a sparsity's."""
    return bool(columns.get("live_macs") and columns.get("macs")) and columns.get("budget") is None


def _costs(selection: "Selection") -> Iterator[Cost]:
    known = [each for each in selection.columns.values() if has_cost(each)]
    full: dict[tuple[Any, ...], float] = {}
    for each in known:
        full[_place(each)] = max(full.get(_place(each), 0.0), float(each["macs"]))
    for each in known:
        panel, costs = (
            (str(each.get("network_kind")), str(each["environment"])),
            (float(each["live_macs"]), full[_place(each)]),
        )
        if each["method"] != "dense":
            yield Cost(panel, str(each.get("distribution")), float(each["sparsity"]), *costs)
        for match in each.get("matches") or ():
            yield Cost(panel, _MATCHED, float(match["sparsity"]), *costs)


def _place(columns: Mapping[str, Any]) -> tuple[Any, ...]:
    return columns.get("agent"), columns.get("network_kind"), columns["environment"]


def _lines(costs: Sequence[Cost]) -> dict[str, list[tuple[float, float]]]:
    """Sparsity and percentage by line. Methods round their counts otherwise by a few weights: their mean is shown."""
    gathered: dict[str, dict[float, list[float]]] = {}
    for cost in costs:
        gathered.setdefault(cost.line, {}).setdefault(cost.sparsity, []).append(100 * cost.live_macs / cost.macs)
    names = sorted(gathered, key=lambda name: (name == _MATCHED, name))
    label = lambda name: name if name == _MATCHED else value_label("distribution", name)
    return {
        label(name): [(sparsity, sum(each) / len(each)) for sparsity, each in sorted(gathered[name].items())]
        for name in names
    }


def _draw_panel(axes: Axes, lines: Mapping[str, Sequence[tuple[float, float]]]) -> None:
    looks = {value_label("distribution", name): look for name, look in _LOOKS.items()} | {_MATCHED: _DENSE}
    axes.plot(100 * _EQUALLY_DENSE, 100 * (1 - _EQUALLY_DENSE), label=_SAME, **_EQUAL)
    for name, points in lines.items():
        xs, ys = ([100 * sparsity for sparsity, _ in points], [percent for _, percent in points])
        axes.plot([0, *xs], [100, *ys], label=name, markevery=slice(1, None), **looks.get(name, _OTHER))
    axes.set_xlim(0, 100)
    log_axis(axes.yaxis)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(tick))


def _text(spec: Spec, lines: Mapping[Panel, Mapping[str, Sequence[tuple[float, float]]]]) -> str:
    panel, first = next(iter(lines.items()))
    told = [
        f"{name} {points[-1][1]:.3g} % at {100 * points[-1][0]:.4g} % sparsity"
        for name, points in first.items()
        if points
    ]
    where = f"{value_label('network_kind', panel[0])} on {printable(panel[1])}"
    panels = "1 panel" if len(lines) == 1 else f"{len(lines)} panels"
    what = f"share of the dense network's multiply-accumulates, {panels}"
    return f"{printable(spec.title)}: {what}. {where}: {'; '.join(told)}."
