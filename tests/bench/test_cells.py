"""Cells: what was measured is measured once, with the same settings, on the same machine."""

import json

import pytest

from benchmarks import cells


def test_other_settings_are_measured_anew_and_take_the_old_place(tmp_path):
    file = tmp_path / "cells.json"
    book = cells.opened(file, {"machine": "m"})
    short, long = (cells.Cell({"task": "a"}, {"seconds": seconds}) for seconds in (1.0, 2.0))
    other = cells.Cell({"task": "b"}, {"seconds": 1.0})
    assert cells.measure_all(book, [short, other], lambda cell: {"rate": 1.0}) == []
    again = cells.opened(file, {"machine": "m"})
    assert again.values(long) is None
    cells.measure_all(again, [long, other], lambda cell: {"rate": 2.0})
    assert [row["values"]["rate"] for row in json.loads(file.read_text())["cells"]] == [1.0, 2.0]
    assert (again.values(short), again.values(long), again.values(other)) == (None, {"rate": 2.0}, {"rate": 1.0})


def test_what_fails_is_told_and_left_for_the_next_time(tmp_path, capsys):
    book = cells.opened(tmp_path / "cells.json", {})
    both = [cells.Cell({"task": name}, {}) for name in ("broken", "good")]
    failed = cells.measure_all(book, both, lambda cell: None if cell.key["task"] == "broken" else {"rate": 1})
    assert failed == both[:1]
    assert "[1/2] broken: failed" in capsys.readouterr().err
    asked = []
    cells.measure_all(cells.opened(tmp_path / "cells.json", {}), both, asked.append)
    assert asked == both[:1]


def test_another_machine_and_other_files_are_refused_in_a_line(tmp_path):
    file = tmp_path / "cells.json"
    cells.opened(file, {"machine": "m"}).add(cells.Cell({}, {}), {})
    with pytest.raises(SystemExit, match="was measured with another machine: m, here n: give another --output"):
        cells.opened(file, {"machine": "n"})
    for text in ("{", "[]", '{"rows": []}'):
        file.write_text(text)
        with pytest.raises(SystemExit, match="holds no cells of this benchmark"):
            cells.opened(file, {"machine": "m"})


def test_what_there_is_is_reported_however_a_benchmark_ends(tmp_path, capsys):
    both = [cells.Cell({"task": name}, {}) for name in "ab"]
    reports = []

    def stopped(cell):
        if cell == both[1]:
            raise KeyboardInterrupt
        return {"rate": 1}

    book = cells.opened(tmp_path / "cells.json", {})
    assert cells.work_through(book, [], stopped, lambda: reports.append("empty")) == 0
    assert cells.work_through(book, both, stopped, lambda: reports.append("stopped")) == 1
    assert "the same command goes on" in capsys.readouterr().err
    assert cells.work_through(book, both, lambda cell: None, lambda: reports.append("failed")) == 1
    assert cells.work_through(book, both, lambda cell: {"rate": 2}, lambda: reports.append("done")) == 0
    assert reports == ["stopped", "failed", "done"]
    with pytest.raises(SystemExit, match="is not there: measure first"):
        cells.read(tmp_path / "nowhere.json")
