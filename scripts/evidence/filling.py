"""Filling: pages with the numbers and tables of `evidence.numbers` in their places."""

import re
from collections.abc import Mapping
from pathlib import Path

from evidence.kept import REPRODUCTION, ROOT
from evidence.numbers import NUMBERS, TABLES, Number
from sparserl.errors import UserError

_NUMBER = re.compile(r"<!--= (?P<name>[^<>]*?) -->(?P<told>[^<]*)<!-- -->")
_TABLE = re.compile(r"<!--table (?P<name>[\w ,]+)-->\n(?P<told>.*?)\n<!--end of table-->", re.DOTALL)
_OPEN = re.compile(r"<!--(?:=|table) ")


def pages() -> list[Path]:
    """Where numbers stand that were measured."""
    places = ("*.md", "docs/*.md", "docs/*/*.md")
    return sorted([path for place in places for path in ROOT.glob(place)] + list(REPRODUCTION.glob("*/README.md")))


def filled(text: str, where: str) -> str:
    """A page with what the data says in every place. Raises UserError for a name that is not known or has no file."""
    found = len(_NUMBER.findall(text)) + len(_TABLE.findall(text))
    if found != len(_OPEN.findall(text)):
        raise UserError(f"{where}: a place for a number or a table has no end: <!-- -->, or <!--end of table-->")
    told = lambda match: f"<!--= {match['name']} -->{_value(match, NUMBERS, where)}<!-- -->"
    table = lambda match: f"<!--table {match['name']}-->\n{_value(match, TABLES, where)}\n<!--end of table-->"
    return _TABLE.sub(table, _NUMBER.sub(told, text))


def _value(match: re.Match[str], known: Mapping[str, Number], where: str) -> str:
    name = match["name"]
    if name not in known:
        raise UserError(f"{where}: nothing is measured by the name {name!r}", value=name, names=known)
    try:
        return known[name]()
    except FileNotFoundError as error:
        raise UserError(f"{where}: {name!r} is measured in {error.filename}, which is not there") from error


def names_in(text: str) -> set[str]:
    """The numbers and tables that a page has places for."""
    return {match["name"] for pattern in (_NUMBER, _TABLE) for match in pattern.finditer(text)}


def numbers() -> dict[Path, str]:
    """All pages that have such places, with what the data says in them."""
    texts = {path: path.read_text(encoding="utf-8") for path in pages()}
    return {path: filled(text, str(path.relative_to(ROOT))) for path, text in texts.items() if _OPEN.search(text)}
