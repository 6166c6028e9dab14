"""Text: how what a stranger wrote is shown, and how numbers are written."""

import base64
import html
import json
import math
import re
from numbers import Integral, Real
from typing import Any

from markupsafe import Markup

from sparserl.seen import seen

LONGEST_CELL = 300  # characters of a text in a table; a page is no place for more, and its data is on disk
LONGEST_TEXT = 20_000  # anywhere


def printable(value: Any, longest: int = LONGEST_TEXT) -> str:
    """The text with what cannot be seen spelled out, as in `\\x1b` and `\\u202e`, and cut to `longest` characters."""
    text = str(value)
    cut = len(text) > longest
    shown = seen(text[:longest])
    cut = cut or len(shown) > longest
    return f"{shown[:longest]}\u2026 ({len(text):,} characters)" if cut else shown


def finalized(value: Any) -> Any:
    """What Jinja puts out for a value before it escapes it: markup of this room as it is, the rest printable."""
    if isinstance(value, Markup):
        return value
    return "" if value is None else printable(value)


def cell(value: Any) -> str:
    """A value in a cell of a table."""
    return number(value) if isinstance(value, Real) and not isinstance(value, bool) else in_words(value, LONGEST_CELL)


def in_words(value: Any, longest: int = LONGEST_TEXT) -> str:
    """A choice as people write it: lists without brackets, nothing as a dash."""
    if value is None or value == () or value == []:
        return "\u2013"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return printable(" ".join(in_words(each) for each in value), longest)
    return printable(value, longest)


def number(value: Any, digits: int = 4) -> str:
    """A number with thousands apart and so many significant digits; whole ones in full, a dash for none."""
    if value is None or (isinstance(value, Real) and not math.isfinite(float(value))):
        return "\u2013" if value is None else str(float(value))
    if isinstance(value, Integral) or float(value).is_integer():
        return f"{int(value):,}".replace("-", "\u2212")
    places = digits - 1 - math.floor(math.log10(abs(float(value))))
    if places > 8:
        return f"{float(value):.{digits - 1}e}".replace("-", "\u2212")
    return f"{float(value):,.{max(places, 0)}f}".replace("-", "\u2212")


def sort_key(value: Any) -> str:
    """By what a cell is sorted: numbers as numbers, those that are missing or not finite below all others."""
    if isinstance(value, Real) and math.isfinite(float(value)):
        return repr(float(value))
    return "-1e308"


def slug(text: str) -> str:
    """Part of an identifier of an element."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text)[:150].strip("-") or "x"


def as_json(value: Any) -> Markup:
    """JSON for the inside of a `script` element, which no text in it can close."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def data_address(kind: str, content: bytes) -> Markup:
    """Content as an address, as in data:image/png;base64,..."""
    return Markup(html.escape(f"data:{kind};base64,{base64.b64encode(content).decode()}"))
