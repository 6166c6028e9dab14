"""Cells of tables, so that no text of a result is read as anything but text: by spreadsheets, or by LaTeX."""

import csv
import io
import re
from collections.abc import Sequence
from numbers import Integral, Number
from typing import Any

from sparserl.seen import seen

_FORMULAS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # what begins one in spreadsheets, the full-width ones too
_LONGEST = 300  # characters of a text in LaTeX, which reads lines of limited length
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': '{"}',
    "'": "{'}",  # in braces: what makes ligatures, as -- and ?`, or would be an argument of \\, as [ and *
    "`": "{`}",
    "-": "{-}",
    "[": "{[}",
    "*": "{*}",
}


def to_csv(header: Sequence[str], table: Sequence[Sequence[Any]]) -> str:
    """The table as CSV. Numbers stay numbers; text that a spreadsheet would take for a formula gets an apostrophe."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([[_csv_cell(value) for value in row] for row in (header, *table)])
    return lines.getvalue()


def to_latex(header: Sequence[str], table: Sequence[Sequence[Any]]) -> str:
    """The table as a `tabular` of the package booktabs, numbers right-aligned with four significant digits."""
    numeric = [all(row[i] is None or _is_number(row[i]) for row in table) for i in range(len(header))]
    head, *body = ([_latex_cell(value) for value in row] for row in (header, *table))
    rows = "".join(f"{' & '.join(row)} \\\\\n" for row in body)
    columns = "".join("r" if number else "l" for number in numeric)
    return (
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{' & '.join(head)} \\\\\n\\midrule\n{rows}"
        "\\bottomrule\n\\end{tabular}\n"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) and not isinstance(value, bool)


def _csv_cell(value: Any) -> Any:
    if value is None or _is_number(value):
        return int(value) if isinstance(value, Integral) else value and float(value)
    text = seen(str(value))
    begins = text.lstrip().startswith(_FORMULAS) or text[:1] in ("\t", "\n")  # spreadsheets pass over what is blank
    return f"'{text}" if begins else text


def _latex_cell(value: Any) -> str:
    if value is None:
        return ""
    if _is_number(value):
        return f"{value:.4g}" if not isinstance(value, Integral) else str(value)
    text = seen(re.sub(r"[\t\r\n]", " ", str(value)[: _LONGEST + 1]), kept="")
    cut = r"\ldots{}" if len(text) > _LONGEST else ""
    return "".join(_LATEX.get(each, each) for each in text[:_LONGEST]) + cut
