"""Files of a figure: what is written is what was drawn, the same bytes every time, and text stays text."""

import csv
import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sparserl.report.figures import Drawn, write
from sparserl.report.figures.latex import to_latex
from sparserl.report.figures.tables import to_csv


def make_drawn(**more) -> Drawn:
    figure = Figure(figsize=(2, 1))
    FigureCanvasAgg(figure)
    figure.subplots().plot([0, 1], [1, 0], label="a")
    words = {"name": "figure_8", "title": "Returns", "alternative_text": "RigL <b> keeps & loses."}
    drawn = Drawn(figure=figure, header=("method", "return"), table=(("rigl", 1.5), ("=cmd()", -2)), **words)
    return drawn._replace(**more)


def test_five_files_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    first, second = write(make_drawn(), tmp_path / "a"), write(make_drawn(), tmp_path / "b")
    assert [path.name for path in first] == [f"figure_8.{kind}" for kind in ("svg", "pdf", "png", "csv", "tex")]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name
    root = ElementTree.fromstring(first[0].read_bytes())
    told = {child.tag.rpartition("}")[2]: child.text for child in root if child.text and child.text.strip()}
    assert (root.get("role"), told["title"], told["desc"]) == ("img", "Returns", "RigL <b> keeps & loses.")


def test_a_name_is_that_of_a_file_in_the_folder_and_control_characters_break_no_file(tmp_path: Path) -> None:
    drawn = make_drawn(name="../../etc/x\0", title="a\x1b[31m\0b", alternative_text="\ud800\u202ex")
    paths = write(drawn, tmp_path)
    assert {path.parent for path in paths} == {tmp_path}
    ElementTree.fromstring(paths[0].read_bytes())


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n", "\uff1d", " =", "\u3000\t+"])
def test_csv_text_is_never_a_formula_and_numbers_stay_numbers(start) -> None:
    written = to_csv(
        (f"{start}head", "x"), [(f"{start}cmd|' /C calc'!A0", -1.5), ('a,b"c', np.float64(-2)), (None, -3)]
    )
    header, *rows = csv.reader(io.StringIO(written, newline=""))
    assert header[0] == f"'{start}head"
    assert [row[0] for row in rows] == [f"'{start}cmd|' /C calc'!A0", 'a,b"c', ""]
    assert [float(row[1]) for row in rows] == [-1.5, -2.0, -3.0]


def test_tables_command_neither_terminals_nor_tex_nor_the_eye() -> None:
    """ESC, BEL, C1 controls, carriage returns, NUL, marks of direction and single surrogates are spelled out."""
    hostile = "\x1b]0;x\x07\x9b2J\r\0\u202e\ud800\u2028"
    spelled = "\\x1b]0;x\\x07\\x9b2J\\x0d\\x00\\u202e\\ud800\\u2028"
    assert list(csv.reader(io.StringIO(to_csv((hostile,), [(hostile,)])))) == [[spelled]] * 2
    written = to_latex(("name",), [(hostile,), ("%" * 10_000,)])
    assert all(each.isprintable() for line in written.split("\n") for each in line)
    assert spelled.replace("\\x0d", " ") in written.replace(r"\allowbreak{}", "").replace(r"\textbackslash{}", "\\")
    assert max(map(len, written.splitlines())) < 1_000, "TeX reads lines of limited length"
