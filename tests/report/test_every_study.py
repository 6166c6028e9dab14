"""The report of every study of the catalogue, at the scale smoke, from synthetic rows of its real experiments."""

import csv
import importlib.util

import pytest
import synthetic

from covering import covering
from sparserl.report import files
from sparserl.report.files import label, write_report
from sparserl.study.files import catalogue_names

DIVERSE = {"figure_1_atari", "figure_3", "figure_6", "table_1"}  # bars, lines, noise and rankings
CLASSIC = {"figure_5_dqn", "figure_8", "figure_14_dqn", "table_1"}  # which need no extra


@pytest.mark.parametrize("name", covering(catalogue_names(), lambda name: name in DIVERSE))
def test_every_study_has_its_report(name, tmp_path, monkeypatch):
    if name not in CLASSIC:
        for extra in ("mujoco", "ale_py"):
            if importlib.util.find_spec(extra) is None:
                pytest.skip(f"needs {extra}")
    monkeypatch.setattr(files, "standard_figures", lambda selection: ())  # any study has those
    selection = synthetic.catalogue_selection(name)
    page = write_report(tmp_path, name, [selection])
    assert not selection.missing
    assert label(selection) in page.read_text()
    for figure in selection.figures:
        with open(tmp_path / f"{figure['name']}.csv", newline="") as file:
            header, *rows = csv.reader(file)
        observed = figure["y"] == "signal_to_noise" or figure["x"] == "observation_noise"  # nothing of that is on disk
        assert (header == ["not drawn"]) == observed, rows
        for suffix in ("svg", "pdf", "png", "tex"):
            assert (tmp_path / f"{figure['name']}.{suffix}").stat().st_size > (100 if observed else 300)
        assert rows
