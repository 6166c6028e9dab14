"""Cores: two pools side by side take different ones as long as there are enough."""

import tempfile

import pytest

from sparserl.study.cores import allowed_cores, claim_core, release_core


@pytest.fixture(autouse=True)
def _claims_of_our_own(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_claims():
    first, second = claim_core([4, 5]), claim_core([4, 5])
    assert (first.number, second.number) == (4, 5)
    third = claim_core([4, 5])
    assert third == (4, None)  # all claimed: shared
    release_core(third)
    release_core(first)
    fourth = claim_core([5, 4])
    assert fourth.number == 4
    for core in (second, fourth):
        release_core(core)


def test_a_folder_that_cannot_be_had(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nothing"))
    assert claim_core([4, 5]) == (4, None)


def test_allowed_cores():
    assert allowed_cores()
    assert len(set(allowed_cores())) == len(allowed_cores())
