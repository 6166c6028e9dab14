"""The x axis of a figure of lines: numbers in a unit, or values one after another."""

from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from sparserl.report.figures.curve_panels import log_axis
from sparserl.report.figures.named_lines import in_order
from sparserl.report.figures.places import EVERYWHERE
from sparserl.report.figures.specs import SIZES, Spec
from sparserl.report.figures.summary import Points
from sparserl.report.figures.words import column_label, tick, value_label

_LINEAR = ("actor_share", "budget")
_UNITS = ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands"))


class Axis(NamedTuple):
    """How values of x become places: numbers in a unit, or one place after another."""

    column: str
    values: tuple[Any, ...]  # of all panels, in order
    unit: float
    label: str

    @property
    def is_numeric(self) -> bool:
        return self.column in (*SIZES, *_LINEAR)

    def place(self, value: Any) -> float:
        """Where a value stands."""
        return value / self.unit if self.is_numeric else float(self.values.index(value))


def axis_of(spec: Spec, points: Points) -> Axis:
    """The x axis of all panels."""
    there = {x for lines in points.values() for xs in lines.values() for x in xs if x != EVERYWHERE}
    values = tuple(sorted(there, key=in_order))
    if spec.x in _LINEAR:
        return Axis(spec.x, values, 0.01, f"{column_label(spec.x)} (%)")
    if spec.x not in SIZES:
        return Axis(spec.x, values, 1, column_label(spec.x))
    largest = max((x for x in values if x is not None), default=0)
    unit, name = next(((size, f" ({name})") for size, name in _UNITS if largest >= 2 * size), (1.0, ""))
    return Axis(spec.x, values, unit, f"{column_label(spec.x)}{name}")


def set_scale(axes: Axes, axis: Axis) -> None:
    """Give a panel this axis, and ticks that people count by."""
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(tick))
    axes.margins(x=0.06, y=0.08)
    if axis.column in SIZES:
        log_axis(axes.xaxis)
        if len(axis.values) == 1 and axis.values[0] is not None:
            axes.set_xlim(axis.place(axis.values[0]) / 2, axis.place(axis.values[0]) * 2)
    elif axis.is_numeric:
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    else:
        axes.xaxis.set_major_locator(FixedLocator(range(len(axis.values))))
        axes.set_xticklabels([value_label(axis.column, value) for value in axis.values])
        axes.set_xlim(-0.35, max(len(axis.values) - 0.65, 0.35))
