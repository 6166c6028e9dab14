"""Values: what a page is made of; every text in it may come from a stranger and is shown as text alone."""

from typing import NamedTuple

from sparserl.report.claims import Finding
from sparserl.report.figures import Drawn
from sparserl.report.selection import Selection


class Part(NamedTuple):
    """One study, or all that a place holds: its question, the answer in numbers, and what they rest on."""

    title: str
    selection: Selection
    answers: tuple[str, ...] = ()  # a line each, as in "RigL keeps 0.97 (0.91 to 1.02) of dense at 90 %; 10 seeds"
    claims: tuple[Finding, ...] = ()
    figures: tuple[Drawn, ...] = ()
    cautions: tuple[str, ...] = ()  # what answers rest on, a line each


class Page(NamedTuple):
    """A whole page, which `write_page(page, path)` writes; equal pages with equal files of runs give equal bytes.

    intervals: how the intervals were made, a paragraph each. problems: what could not be read, a line each.
    """

    title: str
    parts: tuple[Part, ...]
    intervals: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
