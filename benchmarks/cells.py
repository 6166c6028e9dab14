"""Cells: single measurements by what they are of, kept in one JSON file, so that a killed benchmark goes on."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sparserl.experiment import RESULTS_VERSION

Values = dict[str, Any]


class Cell(NamedTuple):
    """`key` tells it from others; `settings` are how it is measured: with others it is measured anew."""

    key: Mapping[str, Any]
    settings: Mapping[str, Any]

    @property
    def words(self) -> str:
        return ", ".join(str(value) for value in self.key.values())


class Book(NamedTuple):
    """The file, what is said of the machine in it, and the rows `{"key", "settings", "values"}`, in their order."""

    file: Path
    about: Mapping[str, Any]
    rows: list[dict[str, Any]]

    def values(self, cell: Cell) -> Values | None:
        """What was measured, with these settings; None where nothing was."""
        wanted = [dict(cell.key), dict(cell.settings)]
        found = [row["values"] for row in self.rows if [row["key"], row["settings"]] == wanted]
        return found[0] if found else None

    def add(self, cell: Cell, values: Values) -> None:
        """Takes the place of what was measured with other settings; the file is whole at any time."""
        self.rows[:] = [row for row in self.rows if row["key"] != dict(cell.key)]
        self.rows.append({"key": dict(cell.key), "settings": dict(cell.settings), "values": values})
        self.write({})

    def write(self, more: Mapping[str, Any]) -> None:
        """The file anew, with what `more` follows from its cells."""
        beside = self.file.with_suffix(".new")
        document = {"results_version": self.about["results_version"], "about": self.about, **more, "cells": self.rows}
        beside.write_text(json.dumps(document, indent=1) + "\n")
        os.replace(beside, self.file)


def opened(file: Path, about: Mapping[str, Any]) -> Book:
    """The book in a file, or an empty one; refuses one that was begun on another machine or with other versions."""
    about = {"results_version": RESULTS_VERSION, **about}
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        return Book(file, about, [])
    try:
        document = json.loads(file.read_text())
        there, rows = document["about"], document["cells"]
    except (ValueError, KeyError, TypeError):
        sys.exit(f"{file} holds no cells of this benchmark: give another --output, or delete it")
    plain = json.loads(json.dumps(about))
    if differing := [name for name in plain if there.get(name) != plain[name]]:
        name = differing[0]
        sys.exit(
            f"{file} was measured with another {name}: {there.get(name)}, here {plain[name]}: give another --output"
        )
    return Book(file, about, rows)


def read(file: Path) -> Book:
    """The book in a file, whichever machine it is of."""
    if not file.exists():
        sys.exit(f"{file} is not there: measure first")
    document = json.loads(file.read_text())
    return Book(file, document["about"], document["cells"])


def work_through(
    book: Book, cells: Sequence[Cell], measure: Callable[[Cell], Values | None], write_report: Callable[[], None]
) -> int:
    """The exit status: measures what is left, until Ctrl-C, and has what there is reported, however that ended."""
    try:
        return 1 if measure_all(book, cells, measure) else 0
    except KeyboardInterrupt:
        print("stopped: the same command goes on from here", file=sys.stderr)
        return 1
    finally:
        if book.rows:
            write_report()


def measure_all(book: Book, cells: Sequence[Cell], measure: Callable[[Cell], Values | None]) -> list[Cell]:
    """Measure what the book has not; the cells that could not be measured (None), of which the others are spared."""
    left = [cell for cell in cells if book.values(cell) is None]
    if len(left) < len(cells):
        print(f"{len(cells) - len(left)} of {len(cells)} were measured before", file=sys.stderr)
    failed = []
    for number, cell in enumerate(left, 1):
        values = measure(cell)
        if values is None:
            failed.append(cell)
            print(f"[{number}/{len(left)}] {cell.words}: failed, see above", file=sys.stderr)
            continue
        book.add(cell, values)
        shown = ", ".join(f"{name} {value:,.4g}" for name, value in values.items() if isinstance(value, int | float))
        print(f"[{number}/{len(left)}] {cell.words}{': ' if shown else ''}{shown}", file=sys.stderr)
    return failed
