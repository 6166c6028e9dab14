"""Markdown: tables, and pages of which programs write a part between two marks, so that no number is copied by hand."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from sparserl.persistence import UserError, write_atomically


def table(header: Sequence[str], rows: Iterable[Sequence[object]], numbers_from: int = 1) -> str:
    """A table, whose columns from `numbers_from` on are numbers, which stand at the right."""
    lines = [header, [*["---"] * numbers_from, *["---:"] * (len(header) - numbers_from)], *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def fill(page: Path, part: str, text: str) -> None:
    """Put `text` between `<!-- PART -->` and `<!-- end of PART -->`. Raises UserError where a page has no such part."""
    begin, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
    written = page.read_text(encoding="utf-8")
    filled, number = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}",
        lambda _: f"{begin}\n\n{text.strip()}\n\n{end}",
        written,
        flags=re.DOTALL,
    )
    if number != 1:
        raise UserError(f"{page} must have {begin} and {end} once")
    write_atomically(page, filled.encode())


def _cell(cell: object) -> str:
    return str(cell).replace("|", "\\|").replace("\n", " ")
