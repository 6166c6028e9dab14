"""Tests of studies report what they have run, with few figures."""

import pytest


@pytest.fixture(autouse=True)
def _few_figures(monkeypatch):
    """Reports with learning curves beside the figures of studies: others take seconds, and have tests of their own."""
    from sparserl.report import files

    every = files.standard_figures
    monkeypatch.setattr(files, "standard_figures", lambda selection: every(selection)[:1])
