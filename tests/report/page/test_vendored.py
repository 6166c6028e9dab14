"""What pages and their tests carry of others is what `scripts/vendor-page` fetched, with its licence."""

import hashlib
import html
from pathlib import Path

import pytest

from sparserl.report.page import Page, to_html

ROOT = Path(__file__).parents[3]
FOLDERS = ("src/sparserl/report/page/vendor", "tests/report/page/vendor")


@pytest.mark.parametrize("name", FOLDERS)
def test_files_are_what_was_fetched(name):
    lines = (ROOT / name / "SHA256SUMS").read_text().splitlines()
    told = dict(reversed(line.split("  ")) for line in lines)
    folder = ROOT / name
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert there.pop("SHA256SUMS")
    assert there == told
    assert {path.name.partition(".")[0] for path in folder.glob("*.min.*")} == {
        path.name.partition(".")[0] for path in folder.glob("*.LICENSE")
    }


def test_the_page_names_the_versions_and_carries_the_licences():
    folder = ROOT / FOLDERS[0]
    text = html.unescape(to_html(Page("nothing", ())))
    for name, head, told in (
        ("datatables", "DataTables 3.1.5", "DataTables 3.1.5 (MIT)"),
        ("uplot", "(v1.6.32)", "uPlot 1.6.32 (MIT)"),
    ):
        assert head in (folder / f"{name}.min.js").read_text()[:200]
        assert told in text
        assert (folder / f"{name}.LICENSE").read_text().strip() in text
