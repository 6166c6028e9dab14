"""Cores: two engines side by side take different ones as long as there are enough."""

import tempfile

import pytest

from sparserl.processes.cores import allowed_cores, allowed_gpus, claim_core, claim_gpu, release


@pytest.fixture(autouse=True)
def _claims_of_our_own(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_claims():
    first, second = claim_core([4, 5]), claim_core([4, 5])
    assert (first.number, second.number) == (4, 5)
    third = claim_core([4, 5])
    assert third == (4, None)  # all claimed: shared
    release(third)
    release(first)
    fourth = claim_core([5, 4])
    assert fourth.number == 4
    for core in (second, fourth):
        release(core)


@pytest.mark.parametrize("place", ["nothing", None])
def test_without_a_folder_for_claims_children_are_spread_all_the_same(place, tmp_path, monkeypatch):
    """As in a container whose file system is read-only: `tempfile` then knows no folder at all."""
    if place is None:
        monkeypatch.setattr(tempfile, "_get_default_tempdir", _no_folder)
    monkeypatch.setattr(tempfile, "tempdir", place and str(tmp_path / place))
    claimed = [claim_core([4, 5]) for _ in range(3)]
    assert claimed == [(4, None), (5, None), (4, None)]
    for core in claimed:
        release(core)
    assert claim_core([4, 5]) == (4, None)
    release(claimed[0])


def _no_folder():
    raise FileNotFoundError("No usable temporary directory found")


def test_allowed_cores():
    assert allowed_cores()
    assert len(set(allowed_cores())) == len(allowed_cores())


def test_gpus(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, GPU-8a5d")
    assert allowed_gpus() == ["2", "GPU-8a5d"]
    first, second = claim_gpu(allowed_gpus()), claim_gpu(allowed_gpus())
    assert (first.name, second.name) == ("2", "GPU-8a5d")
    assert claim_gpu(allowed_gpus()) == ("2", None)  # all claimed: shared
    for gpu in (first, second):
        release(gpu)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert allowed_gpus() == []
