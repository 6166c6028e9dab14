"""Values: what a page is made of; every text in it may come from a stranger and is shown as text alone."""

from typing import NamedTuple

from sparserl.report.figures import Drawn
from sparserl.report.selection import Selection

VERDICTS = ("holds", "does not hold", "not enough runs")


class Claim(NamedTuple):
    """A claim of the paper and what these runs say of it: `verdict` is one of VERDICTS, `rule` how that was decided."""

    name: str
    statement: str
    verdict: str
    numbers: str  # with their interval; empty where there are none
    rule: str


class Part(NamedTuple):
    """One study, or all that a place holds: its question, the answer in numbers, and what they rest on."""

    title: str
    selection: Selection
    answers: tuple[str, ...] = ()  # a line each, as in "RigL keeps 0.97 (0.91 to 1.02) of dense at 90 %; 10 seeds"
    claims: tuple[Claim, ...] = ()
    figures: tuple[Drawn, ...] = ()


class Page(NamedTuple):
    """A whole page, which `write_page(page, path)` writes; equal pages with equal files of runs give equal bytes.

    intervals: how the intervals were made, a paragraph each. problems: what could not be read, a line each.
    """

    title: str
    parts: tuple[Part, ...]
    intervals: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
