"""Every study of the catalogue ends in its figures, from synthetic rows on the identifiers of its experiments."""

import pkgutil

import pytest

from covering import covering
from report import synthetic
from report.figures.canvases import left_of_canvas, overlapping, words
from sparserl.report.figures import draw
from sparserl.study import catalogue

NAMES = sorted(
    each.name for each in pkgutil.iter_modules(catalogue.__path__) if each.name.startswith(("figure", "table"))
)
EVERY_KIND = {
    "figure_1_ppo",
    "figure_3",
    "figure_4_initialization",
    "figure_8",
    "table_1",
    "figure_5_sac",
    "figure_1_atari",
}


@pytest.mark.parametrize("name", covering(NAMES, EVERY_KIND.__contains__))
def test_a_study_is_drawn_from_what_it_stored(name):
    chosen = synthetic.catalogue_selection(name)
    for figure in chosen.figures:
        drawn = draw(figure, chosen)
        assert (drawn.name, drawn.title) == (figure["name"], figure["title"])
        assert drawn.alternative_text.startswith(figure["title"])
        assert all(len(row) == len(drawn.header) for row in drawn.table)
        assert left_of_canvas(drawn) == []
        assert overlapping(drawn) == []
        undrawn = figure["y"] == "signal_to_noise" or figure["kind"] == "noise"
        assert ("--diagnostics" in words(drawn)) == (figure["y"] == "signal_to_noise"), "these runs recorded none"
        assert ("evaluated under noise" in words(drawn)) == (figure["kind"] == "noise"), "nor were they evaluated so"
        assert (drawn.header == ("not drawn",)) == undrawn
        assert ("seed" in words(drawn)) == (not undrawn), "so few seeds are spoken of"
