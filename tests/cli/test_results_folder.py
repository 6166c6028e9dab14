"""Results as people treat them, seen from the command line: what works on, and what is refused in one line."""

import shutil
from pathlib import Path

import pytest

from cli.command import call
from sparserl import persistence
from sparserl.errors import UserError
from sparserl.report import files

EARLIER = Path(__file__).parents[1] / "study" / "results_of_2cacdcc"
NAME = "dqn-static-CartPole-v1-0.9-825de42c"


@pytest.fixture
def results(tmp_path):
    """One run that has finished, and one that was stopped, of a study `before`."""
    shutil.copytree(EARLIER, tmp_path / "results")
    return tmp_path / "results"


def test_a_renamed_experiment_is_reported_with_all_that_is_known_of_it(capsys, results, undrawn):
    whole = call(capsys, "report", results)
    (results / NAME).rename(results / "best")
    for place in (results, results / "best"):
        told = call(capsys, "report", place, "--output", results.parent)
        assert (told.status, told.err) == (0, "")
        assert told.out.splitlines()[:3] == whole.out.splitlines()[:3]
    shutil.copytree(results / "best", results / "best (copy)")
    told = call(capsys, "report", results)
    assert told.out == whole.out
    assert [line.partition(" is a copy of ")[2] != "" for line in told.err.splitlines()] == [True, True]


def test_results_that_cannot_be_written_are_shown_all_the_same(capsys, results, monkeypatch):
    def refuse(figure, folder):
        raise UserError(f"cannot write {folder}: Read-only file system")

    monkeypatch.setattr(files, "write", refuse)
    told = call(capsys, "report", results)
    assert (told.status, told.err) == (0, "")
    assert "dqn static 0.9" in told.out
    assert (
        f"not drawn: cannot write {results / 'report'}: Read-only file system; --output DIR draws elsewhere" in told.out
    )
    asked = call(capsys, "report", results, "--output", results.parent / "figures")
    assert (asked.status, asked.err.count("\n")) == (2, 1)


def test_a_study_says_where_its_renamed_experiment_is_and_does_not_begin_it_anew(capsys, results):
    (results / NAME).rename(results / "best")
    told = call(capsys, "study", "status", "before", "--output", results)
    assert told.status == 0
    assert told.err == f"sparserl: {results / 'best'} holds {NAME}: rename it to that, so that its runs count\n"
    refused = call(capsys, "study", "resume", "before", "--output", results)
    assert refused.status == 2
    assert f"{results / 'best'} holds {NAME}: rename it" in refused.err
    assert not (results / NAME).exists()


def test_a_study_does_not_count_a_copy(capsys, results):
    shutil.rmtree(results / NAME / "seed=1")
    shutil.copytree(results / NAME / "seed=0", results / NAME / "seed=1")
    told = call(capsys, "study", "status", "before", "--output", results)
    assert "1 of 2 runs finished, 1 damaged" in told.out
    assert f"seed=1 holds {NAME}/seed=0: it was copied, renamed or moved there" in told.out


@pytest.mark.parametrize("damaged", ["study.json", "failures.json"])
def test_a_damaged_file_of_a_study_is_told_with_the_remedy(capsys, results, damaged):
    (results / "studies/before@smoke" / damaged).write_bytes(b"")
    told = call(capsys, "study", "status", "before", "--output", results)
    assert told.status == 2
    assert ("`sparserl study run` writes it anew" in told.err) == (damaged == "study.json")
    assert ("`sparserl study retry` forgets the failures" in told.err) == (damaged == "failures.json")


def test_home_folders_and_names_that_no_disk_takes(capsys, results, monkeypatch):
    monkeypatch.setenv("HOME", str(results.parent))
    for words in (["report", "~/results", "--output=~/figures"], ["study", "status", "before", "--output=~/results"]):
        assert call(capsys, *words).status == 0
    assert (results.parent / "figures/learning_curves.png").is_file()
    for words in (
        ["report", "x" * 300],
        ["evaluate", "x" * 300],
        ["report", "~no-such-user/x"],
        ["report", "x/" * 3_000],
    ):
        told = call(capsys, *words)
        assert (told.status, told.out, told.err.count("\n")) == (2, "", 1)


def test_trained_policies_are_evaluated_as_what_they_are(capsys, trained, tmp_path):
    place = shutil.copytree(trained.folder, tmp_path / "best")
    (place / "seed=3").rename(place / "copied")
    told = call(capsys, "evaluate", place / "copied", "--num-episodes", "1", "--json").document()
    assert (told["experiment_id"], told["seed"]) == (trained.folder.name, 3)
    shutil.copytree(EARLIER / NAME / "seed=0", place / "seed=5")
    refused = call(capsys, "evaluate", place / "seed=5")
    assert refused.status == 2
    assert f"seed=5 holds {NAME}/seed=0, which {place / 'experiment.json'} is not of" in refused.err
    (place / "copied/checkpoint/manifest.json").unlink()
    assert "its policy is not whole" in call(capsys, "evaluate", place / "copied").err
    (place / "experiment.json").unlink()
    assert "experiment.json: it is not there" in call(capsys, "evaluate", place / "seed=4").err


def test_training_refuses_a_copy_in_place_of_a_seed(capsys, trained, tmp_path):
    shutil.copytree(trained.results, tmp_path / "results")
    folder = tmp_path / "results" / trained.folder.name
    shutil.copytree(folder / "seed=3", folder / "seed=5")
    words = [*trained.words[: trained.words.index("--num-seeds")], "--num-seeds", "3", "--seed", "3"]
    told = call(capsys, *words, "--output", tmp_path / "results")
    assert (told.status, told.out) == (2, "")
    assert f"seed=5 holds {trained.folder.name}/seed=3" in told.err
    assert persistence.read_status(folder / "seed=3").name == f"{trained.folder.name}/seed=3"
    folder.rename(folder.with_name("best"))
    told = call(capsys, *words, "--output", tmp_path / "results")
    assert told.status == 2
    assert f"best holds {trained.folder.name}: rename it to that" in told.err
