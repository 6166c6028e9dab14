"""Named lines: what a line or bar of a figure stands for, what it is called, and where it is in the legend."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sparserl.report.figures.specs import SIZES, Spec
from sparserl.report.figures.words import told, value_label
from sparserl.report.style import method_name, method_rank

if TYPE_CHECKING:
    from sparserl.report.runs import Run

FULL, MATCHED, SPARSE = "full-dense", "matched-dense", "sparse"


class Line(NamedTuple):
    """What one line or bar stands for, in the order of legends."""

    rank: int
    method: str
    role: str
    value: Any  # of the column that makes lines, where that is not the method
    extra: tuple[str, ...]  # what tells it apart where nothing else does
    label: str


def line_of(run: "Run", spec: Spec, role: str, fitting: Sequence[Mapping[str, Any]]) -> Line:
    """The line of a run; `fitting`: those of its matches that stand in its panel."""
    method = str(run.columns.get("method"))
    if role != SPARSE:
        return Line(-1 if role == FULL else 0, method, role, None, (), dense_name(role, fitting, spec))
    value = None if spec.lines in ("", "method") else run.columns.get(spec.lines)
    words = [value_label("method", method)] + ([] if value is None else [told(spec.lines, value)])
    return Line(1 + method_rank(method), method, role, value, (), " ".join(words))


def dense_name(role: str, matches: Sequence[Mapping[str, Any]], spec: Spec) -> str:
    """Dense networks of full size, those that match a sparsity, and those of any other size, told apart by name."""
    dense = method_name("dense")
    if role == FULL:
        return f"{dense}, 100 %"
    sparsities = sorted({match["sparsity"] for match in matches})
    if spec.x in (*SIZES, "sparsity") or role != MATCHED:
        return dense
    if "sparsity" in spec.facets or not sparsities:
        return f"{dense}, as many parameters"
    words = " and ".join(value_label("sparsity", sparsity) for sparsity in sparsities)
    return f"{dense}, as many parameters as {words}"


def with_extra(line: Line, extra: tuple[str, ...]) -> Line:
    """The line with what tells it apart behind its name."""
    return line._replace(extra=extra, label=" ".join([line.label, *extra])) if extra else line


def in_order(value: Any) -> tuple[int, float, str]:
    """A key that sorts values of any types: numbers as numbers, then words, then what is not known."""
    if isinstance(value, int | float):
        return 0, float(value), ""
    return (2, 0.0, "") if value is None else (1, 0.0, str(value))


def in_legend_order(lines: Iterable[Line]) -> list[Line]:
    """Lines without repetitions: dense networks first, then the paper's order of methods."""
    return sorted(set(lines), key=lambda line: (line[:3], in_order(line.value), line.extra, line.label))
