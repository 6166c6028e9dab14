"""Tables as CSV, so that no spreadsheet reads a text of a result as anything but text."""

import csv
import io
from collections.abc import Sequence
from numbers import Integral, Number
from typing import Any

from sparserl.seen import seen

_FORMULAS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")  # what begins one in spreadsheets, the full-width ones too


def to_csv(header: Sequence[str], table: Sequence[Sequence[Any]]) -> str:
    """The table as CSV. Numbers stay numbers; text that a spreadsheet would take for a formula gets an apostrophe."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([[_csv_cell(value) for value in row] for row in (header, *table)])
    return lines.getvalue()


def is_number(value: Any) -> bool:
    """Whether a cell is a number, and not a truth value."""
    if type(value) in (int, float, str):  # most are, and to ask whether a type is a kind of number takes its time
        return type(value) is not str
    return isinstance(value, Number) and not isinstance(value, bool)


def _csv_cell(value: Any) -> Any:
    if value is None or is_number(value):
        return int(value) if isinstance(value, Integral) else value and float(value)
    text = seen(str(value))
    begins = text.lstrip().startswith(_FORMULAS) or text[:1] in ("\t", "\n")  # spreadsheets pass over what is blank
    return f"'{text}" if begins else text
