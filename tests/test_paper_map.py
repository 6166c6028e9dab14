"""The map of the paper: every figure and table, with a command that there is, and our picture where there is one."""

import json
import re
import shlex
import sys

import pytest

from documents import ROOT
from sparserl.study.files import catalogue_names
from test_docs_commands import read, reading

__all__ = ["reading"]  # a fixture

sys.path.insert(0, str(ROOT / "docs" / "_site"))
import paper_map

PAGE = (ROOT / "docs" / "paper-map.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| ")][
    1:
]
PARTS = {*(f"Figure {number}" for number in range(1, 19)), *(f"Table {number}" for number in range(1, 9))}


def test_every_part_of_the_paper_has_a_row() -> None:
    assert {row[0].split(",")[0] for row in ROWS} == PARTS


def test_every_study_has_a_row_that_runs_it() -> None:
    asked = [match for row in ROWS for match in re.findall(r"`sparserl study run (\w+)`", row[2])]
    assert asked == sorted(catalogue_names(), key=lambda name: (name.split("_")[0], int(name.split("_")[1]), name))
    assert [row[0] for row in ROWS if row[2].startswith("`sparserl study")] == [paper_map.part(name) for name in asked]


def test_commands_of_the_map_are_understood(reading: None, capsys: pytest.CaptureFixture[str]) -> None:
    for row in ROWS:
        if not row[2].startswith("`sparserl study run"):
            read(tuple(shlex.split(row[2].strip("`"))[1:]))


def test_what_is_kept_of_a_study_is_in_the_map() -> None:
    kept = {
        file.parents[3].name
        for file in ROOT.glob("reproduction/*/results/studies/*/study.json")
        if {figure["name"] for figure in json.loads(file.read_text())["figures"]} & {*catalogue_names()}
    }
    studies = {match for row in ROWS for match in re.findall(r"reproduction/(\w+)/README.md", row[4])}
    assert kept == studies
    assert paper_map.with_ours(PAGE) == PAGE, "scripts/write-verdicts writes it again"
    assert "not run" in paper_map.with_ours(PAGE.replace("| not run |", "| all of it |"))


@pytest.mark.thorough
def test_questions_and_runs_are_those_of_the_catalogue() -> None:
    assert paper_map.with_table(PAGE, paper_map.rows(paper_map.catalogue())) == PAGE
