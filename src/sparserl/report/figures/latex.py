"""Tables for LaTeX, which read no text of a result as a command, and compile whatever that is."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from numbers import Integral
from typing import Any

from sparserl.report.figures.tables import is_number
from sparserl.seen import seen, spelled

_NEEDED = r"% \usepackage[T1]{fontenc} \usepackage{booktabs} \usepackage{"
_LONGEST = 300  # characters of a text: TeX reads lines of limited length
_LONGEST_WORD = 24
_MOST_ROWS = 45  # of a table that stays on its page
_WIDE = 40  # characters of a text, from which on it is broken into lines
_AS_TEXT = str.maketrans(
    {
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
        '"': r"{\char34}",  # which babel takes for a command in some languages
        "'": "{'}",  # in braces: what makes ligatures, as -- and ?`, or would be an argument of \\, as [ and *
        "`": "{`}",
        "-": "{-}",
        "[": "{[}",
        "*": "{*}",
        "\u2212": r"\textminus{}",
        "\u2026": r"\ldots{}",
        "\u200b": r"\allowbreak{}",  # put into long words
    }
)
_NOT_SET_UP = "\u0126\u0127\u0138\u013f\u0140\u0149\u0166\u0167\u017f"  # of Latin Extended-A, in LaTeX's own utf8
_TYPOGRAPHY = (
    "\u2013\u2014\u2018\u2019\u201a\u201c\u201d\u201e\u2020\u2021\u2022\u2030\u2039\u203a\u20ac\u2122\u2212\u2026"
)


def to_latex(header: Sequence[str], table: Sequence[Sequence[Any]]) -> str:
    """The table as a `tabular`, or as a `longtable` where it is long; a comment says which packages it needs.

    Columns are named in words. Numbers are right-aligned, with four significant digits. What LaTeX has no letter for
    without any package is spelled out, as in `\\u65e5`.
    """
    columns = "".join(_column([row[place] for row in table]) for place in range(len(header)))
    head = " & ".join(_text(name.replace("_", " ")) for name in header)
    rows = "".join(f"{' & '.join(map(_cell, row))} \\\\\n" for row in table)
    return (_of_pages if len(table) > _MOST_ROWS else _of_one_page)(columns, f"{head} \\\\\n", rows)


def _of_one_page(columns: str, head: str, rows: str) -> str:
    """The table, made smaller where a line has no room for it."""
    return (
        f"{_NEEDED}graphicx}}\n\\noindent\\resizebox{{\\ifdim\\width>\\linewidth\\linewidth\\else\\width\\fi}}{{!}}{{%\n"
        f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{head}\\midrule\n{rows}\\bottomrule\n\\end{{tabular}}}}\n"
    )


def _of_pages(columns: str, head: str, rows: str) -> str:
    """The table, broken over pages, each with its head."""
    small = "\\begingroup\\scriptsize\\setlength{\\tabcolsep}{3pt}"
    return (
        f"{_NEEDED}longtable}}\n{small}\n\\begin{{longtable}}{{{columns}}}\n\\toprule\n{head}\\midrule\n"
        f"\\endhead\n\\bottomrule\n\\endfoot\n{rows}\\end{{longtable}}\n\\endgroup\n"
    )


def _column(values: Sequence[Any]) -> str:
    """How a column is set: numbers to the right, long texts in lines."""
    if all(value is None or is_number(value) for value in values):
        return "r"
    return "p{16em}" if max(len(str(value)) for value in values) > _WIDE else "l"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return _number(value) if is_number(value) else _text(str(value))


def _number(value: Any) -> str:
    """With a minus sign and a power of ten, as numbers are set."""
    is_whole = isinstance(value, Integral) or 1e3 <= abs(value) < 1e9
    digits, _, exponent = (f"{value:.0f}" if is_whole else f"{value + 0.0:.4g}").partition("e")
    digits = digits.replace("-", "$-$")
    return f"{digits}$ \\times 10^{{{int(exponent)}}}$" if exponent else digits


@lru_cache(4_096)  # the same names stand in many rows
def _text(text: str) -> str:
    cut = r"\ldots{}" if len(text) > _LONGEST else ""
    text = unicodedata.normalize("NFC", seen(re.sub(r"[\t\r\n]", " ", text[:_LONGEST]), kept=""))
    text = "".join(each if _is_set_up(each) else spelled(each) for each in text)
    text = re.sub(f"(\\S{{{_LONGEST_WORD}}})(?=\\S)", "\\1\u200b", text)
    return re.sub(",(?=,)", "{,}", text.translate(_AS_TEXT)) + cut  # two commas would be a quotation mark


def _is_set_up(character: str) -> bool:
    """Whether LaTeX can write it without any package."""
    latin = character < "\u0180" and character not in _NOT_SET_UP
    return latin or character in _TYPOGRAPHY
