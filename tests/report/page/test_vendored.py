"""What pages and their tests carry of others is what `scripts/vendor-page` fetched, with its licence."""

import hashlib
from pathlib import Path

import pytest

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
