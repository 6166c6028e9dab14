"""Numbers on pages: they are those of the committed data, each is told somewhere, and mistakes are one line."""

import re

import pytest

from evidence import numbers as measured
from evidence.filling import filled, names_in, numbers, pages
from evidence.kept import ROOT
from evidence.numbers import NUMBERS, TABLES, document
from evidence.peers import times
from sparserl.errors import UserError


def test_pages_tell_what_the_data_says() -> None:
    for path, text in numbers().items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: scripts/write-numbers writes it again"


def test_every_number_is_told_somewhere() -> None:
    told = set().union(*(names_in(path.read_text(encoding="utf-8")) for path in pages()))
    assert told == {*NUMBERS, *TABLES}


def test_the_front_pages_tell_no_ratio_that_is_typed() -> None:
    written = re.compile(r"<!--= .*? -->.*?<!-- -->|<!--table .*?<!--end of table-->", re.DOTALL)
    for name in ("README.md", "docs/index.md"):
        typed = written.sub("", (ROOT / name).read_text(encoding="utf-8"))
        assert re.findall(r"\b\d[\d.,]* (?:times|x)\b|\b\d[\d.]* (?:MB|GB)\b", typed) == []


def test_numbers_are_put_in_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NUMBERS, "a", lambda: "1.5")
    monkeypatch.setitem(TABLES, "t", lambda: "| x |")
    page = "It is <!--= a -->9<!-- --> times.\n<!--table t-->\nold\n<!--end of table-->\n"
    assert filled(page, "p.md") == "It is <!--= a -->1.5<!-- --> times.\n<!--table t-->\n| x |\n<!--end of table-->\n"
    assert names_in(page) == {"a", "t"}


def test_tables_of_what_is_measured_and_what_was_there_where_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = {"network": "equinox", "times_as_fast": 4.61, "slowest_and_fastest_turn": [2.84, 6.0]}
    ratio = {"work": "dqn_update", "ratio_lowest": 5.9, "ratio_highest": 6.5}
    rows = {
        "really_sparse/ratios.json": [turns],
        "updates/updates.json": [
            {"work": "dqn_update", "variant": "dense", "sparsity": 0.9},
            {**ratio, "variant": "compressed", "sparsity": 0.9, "ratio_to_dense": 6.234},
            {**ratio, "variant": "compressed", "sparsity": 0.95, "ratio_to_dense": 10.65},
        ],
    }
    monkeypatch.setattr(measured, "document", lambda file: {"rows": rows[file]})
    assert measured.really_sparse().splitlines()[2:] == ["| equinox | 4.6 (2.8 to 6.0) |"]
    head, _, line = measured.updates().splitlines()
    assert head == "| work | variant | 90 % | 95 % |"
    assert line == "| `dqn_update` | compressed | 6.23 (5.9 to 6.5) | 10.65 (5.9 to 6.5) |"

    def missing(file: str) -> None:
        raise FileNotFoundError(2, "No such file", file)

    monkeypatch.setattr(measured, "document", missing)
    for name in ("<!--table updates-->\nold\n<!--end of table-->", "<!--= sac update, dense, ms -->7<!-- -->"):
        with pytest.raises(
            UserError, match=r"^p.md: '(updates|sac update, dense, ms)' is measured in \w+/\w+.json, which is not there"
        ):
            filled(name, "p.md")


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ("<!--= sac, ripl -->1<!-- -->", "p.md: nothing is measured by the name 'sac, ripl'; did you mean 'sac, rigl'"),
        ("<!--= sac, rigl -->1", "p.md: a place for a number or a table has no end"),
        ("<!--table digits-->\n| x |", "p.md: a place for a number or a table has no end"),
    ],
)
def test_a_place_that_is_wrong_is_told_in_one_line(page: str, problem: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(problem)}"):
        filled(page, "p.md")


def test_times_as_fast_as_peers_are_those_of_the_page_of_peers() -> None:
    """The same medians of single rounds as `benchmarks/peers` writes, derived from its rows a second time."""
    names = {"stable-baselines3": "SB3", "sbx": "SBX"}
    marks = [mark for mark in document("peers/peers.json")["summary"]["marks"] if mark["instructions"] == "widest"]
    assert len(marks) == 9
    for mark in marks:
        ours = "rigl" if mark["sparsity"] else "dense"
        assert times(mark["task"], ours, names[mark["peer"]], 6)() == f"{mark['reached']['median']:.6f}", mark
