"""Runs: one spelling of a seed of an experiment, as a word and as a folder, and back."""

from pathlib import Path

import pytest

from sparserl.persistence import RunId, UserError, files_of_runs, is_run_folder, runs_in

RUN = RunId("dqn-rigl-CartPole-v1-0.9-1a2b3c4d", 12)


def test_a_run_is_the_same_as_a_word_and_as_a_folder(tmp_path):
    assert str(RUN) == "dqn-rigl-CartPole-v1-0.9-1a2b3c4d/seed=12"
    assert RUN.folder(tmp_path) == tmp_path / str(RUN)
    assert RunId.of(RUN.folder(tmp_path)) == RunId.of(str(RUN)) == RUN


@pytest.mark.parametrize("name", ["seed=", "seed=-1", "seed=1.5", "seed=1.old", "without-diagnostics.seed=1", "run"])
def test_other_folders_are_no_runs(name):
    assert not is_run_folder(Path("experiment") / name)
    with pytest.raises(UserError, match=rf"experiment/{name} is no run: its folder is not called seed=<n>"):
        RunId.of(Path("experiment") / name)


def test_the_runs_of_a_place_come_by_experiment_and_seed(tmp_path):
    for name in ("b/seed=0", "a/seed=10", "a/seed=2", "a/seed=2.old", "studies/x@quick"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a/seed=3").write_text("no folder")
    assert [str(RunId.of(run)) for run in runs_in(tmp_path)] == ["a/seed=2", "a/seed=10", "b/seed=0"]
    assert [run.name for run in runs_in(tmp_path / "a")] == ["seed=2", "seed=10"]
    assert runs_in(tmp_path / "nowhere") == []
    (tmp_path / "a/seed=10/status.json").write_text("{}")
    places = (tmp_path, tmp_path / "a", tmp_path / "a/seed=10")
    assert [list(files_of_runs(place, "status.json")) for place in places] == [[tmp_path / "a/seed=10/status.json"]] * 3
