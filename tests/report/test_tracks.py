"""Tracks: returns at equal cost, the seeds that all networks have, and what is drawn and written of them."""

import numpy as np
import pytest

from sparserl.errors import UserError
from sparserl.report import markdown
from sparserl.report.figures import write_png
from sparserl.report.figures.tracked import draw_tracks
from sparserl.report.tracks import Track, common_seeds, of_seeds

LOOK = {"color": "#000000", "marker": "o", "linestyle": "-"}
PLACES = np.array([0.0, 10.0, 30.0])


def track(*ends, diverged=()):
    returns = {seed: np.array([0.0, 2.0, 4.0]) + end for seed, end in enumerate(ends)}
    return Track(PLACES, returns | dict.fromkeys(diverged))


def test_returns_at_a_cost_lie_between_evaluations_and_nowhere_beyond_them():
    known = track(0.0, 10.0, diverged=(7,))
    assert known.at(5.0) == {0: 1.0, 1: 11.0, 7: None}
    assert known.at(20.0) == {0: 3.0, 1: 13.0, 7: None}
    assert known.at(30.0 * (1 + 1e-12)) == {0: 4.0, 1: 14.0, 7: None}
    assert known.at(30.1) == {0: None, 1: None, 7: None}
    assert known.last(2) == {0: 3.0, 1: 13.0, 7: None}
    assert known.num_diverged == 1


def test_only_seeds_that_all_have_are_compared():
    tracks = {"A": {"small": track(1.0, 2.0, 3.0), "large": track(1.0, 2.0, diverged=(5,))}, "B": {"small": track(1.0)}}
    assert common_seeds(tracks) == {"A": {0, 1}, "B": {0}}
    assert list(of_seeds(tracks, common_seeds(tracks))["A"]["small"].returns) == [0, 1]
    assert list(of_seeds(tracks, {"A": {1}, "B": set()})) == ["A"]


def test_a_figure_says_how_many_seeds_there_are_and_has_a_row_for_every_mark(tmp_path):
    tracks = {"A": {"small": track(1.0, 2.0, 6.0), "large": track(9.0, 10.0, 11.0, diverged=(3,))}}
    looks = {"small": LOOK, "large": {**LOOK, "color": "#D55E00"}}
    drawn = draw_tracks("seconds", "Returns", tracks, "seconds", looks, ["a remark"])
    assert drawn.table[2] == (
        "A",
        "small",
        30.0,
        7.0,
        pytest.approx(0.428, abs=1e-3),
        pytest.approx(13.572, abs=1e-3),
        3,
        0,
    )
    assert [text.get_text() for text in drawn.figure.legends[0].get_texts()] == [
        "small (n = 3)",
        "large (n = 3, 1 diverged)",
    ]
    assert "a remark" in drawn.notes
    assert "small 7.00, large 14.0" in drawn.alternative_text
    assert write_png(drawn, tmp_path).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match="no run to show"):
        draw_tracks("seconds", "Returns", {}, "seconds", looks)


def test_parts_of_a_page_are_written_between_their_marks(tmp_path):
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- numbers -->\nold\n<!-- end of numbers -->\nafter\n")
    told = markdown.table(["what", "how much"], [["a|b", 1]])
    markdown.fill(page, "numbers", told)
    markdown.fill(page, "numbers", told)
    written = "| what | how much |\n| --- | ---: |\n| a\\|b | 1 |"
    assert page.read_text() == f"before\n<!-- numbers -->\n\n{written}\n\n<!-- end of numbers -->\nafter\n"
    with pytest.raises(UserError, match="must have <!-- words -->"):
        markdown.fill(page, "words", told)


def test_an_axis_of_doublings_has_powers_of_two_beside_it():
    widths = Track(np.array([256.0, 512.0, 4_096.0]), track(1.0, 2.0, 6.0).returns)
    drawn = draw_tracks("width", "Returns", {"A": {"small": widths}}, "units", {"small": LOOK}, logarithmic=2)
    (axes,) = drawn.figure.axes
    drawn.figure.canvas.draw()
    low, high = axes.get_xlim()
    shown = {
        int(place): label.get_text() for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
    }
    assert {256: "256", 1_024: "1,024", 4_096: "4,096"}.items() <= shown.items()
    assert all(place & (place - 1) == 0 for place in shown)
    assert low <= 256
    assert high >= 4_096
