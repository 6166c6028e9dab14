"""`study pack`: what is finished, small, and gone on with elsewhere."""

import shutil

import pytest

from cli.command import call
from cli.test_study_run import write_study
from sparserl import persistence
from sparserl.engine.overview import run_state

NAME = "dqn-rigl-CartPole-v1-0.9-0000001a"


@pytest.fixture
def lab(tmp_path):
    """A results directory with a study of four seeds: finished, diverged, interrupted and not begun."""
    place = tmp_path / "lab"
    entry = persistence.StoredExperiment(NAME, "dqn", "rigl", "CartPole-v1", 0.9, 1_000, {"q": 700})._asdict()
    for seed, state in enumerate(("finished", "diverged", "interrupted")):
        folder = persistence.RunId(NAME, seed).folder(place)
        (folder / "checkpoint").mkdir(parents=True)
        (folder / "log.txt").write_text("a log")
        (folder / "evaluations.parquet").write_bytes(bytes([seed]))
        persistence.write_status(folder, persistence.Status(state, 1_000, final_return=2.5))
    (place / NAME / "experiment.json").write_text("{}")
    document = {"name": "one", "scale": "smoke", "question": "Where?", "num_seeds": 4, "created": "now"}
    document |= {"experiments": [entry], "figures": [], "waiting": [], "diagnostics": False}
    document["module_folders"] = ["/home/me/studies"]
    persistence.write_document(place / "studies/one@smoke/study.json", document)
    return place


def packed(capsys, lab, place, *more):
    return call(capsys, "study", "pack", "one", "--output", lab, "--into", place, *more)


def test_what_is_over_comes_along_and_says_that_its_checkpoint_stayed(capsys, lab, tmp_path):
    place = tmp_path / "packed"
    document = packed(capsys, lab, place, "--json").document()
    assert (document["num_runs"], document["num_planned"], document["place"]) == (2, 4, str(place))
    files = sorted(str(file.relative_to(place)) for file in place.rglob("*") if file.is_file())
    runs = [f"{NAME}/seed={seed}/{name}" for seed in (0, 1) for name in ("evaluations.parquet", "status.json")]
    assert files == [f"{NAME}/experiment.json", *runs, "studies/one@smoke/study.json"]
    before, after = (persistence.read_status(where / NAME / "seed=0") for where in (lab, place))
    assert after == before._replace(packed=True)
    plan = "studies/one@smoke/study.json"
    stored = persistence.read_document(lab / plan)
    assert stored["module_folders"] == ["/home/me/studies"]
    assert persistence.read_document(place / plan) == {**stored, "module_folders": []}
    assert run_state(str(place / NAME / "seed=0")).state == "finished"
    shown = call(capsys, "study", "status", "one", "--output", place)
    assert "1 of 4 runs finished, 1 diverged, 2 waiting" in shown.out


def test_a_finished_run_whose_checkpoint_is_gone_otherwise_is_damaged(lab):
    (lab / NAME / "seed=0" / "checkpoint").rmdir()
    assert run_state(str(lab / NAME / "seed=0")).state == "damaged"


def test_what_a_pack_has_alone_is_not_lost(capsys, lab, tmp_path):
    place = tmp_path / "packed"
    packed(capsys, lab, place)
    shutil.rmtree(lab / NAME / "seed=0")
    refused = packed(capsys, lab, place)
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert f"{NAME}/seed=0" in refused.err
    assert (place / NAME / "seed=0" / "status.json").exists()
    shutil.copytree(place, lab, dirs_exist_ok=True)
    assert packed(capsys, lab, place).status == 0


def test_a_folder_with_something_else_is_refused(capsys, lab, tmp_path):
    file, notes, other = (tmp_path / name for name in ("file", "notes", "other"))
    file.write_text("")
    notes.mkdir()
    (notes / "mine.txt").write_text("mine")
    persistence.write_document(other / "studies/two@smoke/study.json", {})
    for place in (file, notes, other, lab):
        refused = packed(capsys, lab, place)
        assert (refused.status, refused.err.count("\n")) == (2, 1)
        assert str(place) in refused.err
    assert (notes / "mine.txt").exists()


def test_runs_without_the_studys_noise_are_told_and_trained_again(capsys, lab, tmp_path):
    path = lab / "studies/one@smoke/study.json"
    document = persistence.read_document(path)
    persistence.write_document(path, {**document, "observation_noise": [0.0, 1.0]})
    done = packed(capsys, lab, tmp_path / "packed")
    assert "without evaluations under noise: 1 of these runs" in done.err
    assert run_state(str(tmp_path / "packed" / NAME / "seed=0")).state == "damaged"


def test_a_policy_that_stayed_is_asked_for_in_vain(capsys, lab, tmp_path):
    packed(capsys, lab, tmp_path / "packed")
    run = tmp_path / "packed" / NAME / "seed=0"
    for words in (("evaluate", run), ("export", run, "--format", "c", "--output", tmp_path / "policy")):
        refused = call(capsys, *words)
        assert refused.status == 2, refused.err
        assert "was packed, without its policy" in refused.err


@pytest.mark.processes
def test_a_study_goes_on_from_a_pack_with_what_it_lacks(capsys, tmp_path):
    path = write_study(tmp_path, ("CartPole-v1",))
    where = ("--scale", "smoke", "--json", "--output")
    first, place, second = (tmp_path / name for name in ("first", "packed", "second"))
    call(capsys, "study", "run", path, *where, first)
    call(capsys, "study", "pack", "tiny", *where, first, "--into", place)
    shutil.copytree(place, second)
    write_study(tmp_path, ("CartPole-v1",), num_seeds=2)
    ended = call(capsys, "study", "run", path, *where, second).document()
    assert ended["counts"]["finished"] == 2
    kept, gone_on = (sorted(folder.glob("*/seed=0/*")) for folder in (place, second))
    assert [file.read_bytes() for file in kept] == [file.read_bytes() for file in gone_on]
    assert (persistence.runs_in(second)[1] / "checkpoint").is_dir()


@pytest.mark.parametrize(
    ("status", "packed", "has_checkpoint", "over"),
    [
        ("finished", False, True, True),
        ("finished", True, False, True),
        ("finished", False, False, False),
        ("diverged", False, False, True),
        ("interrupted", False, True, False),
        ("failed", True, True, False),
    ],
)
def test_which_runs_are_trained_again(tmp_path, status, packed, has_checkpoint, over):
    if has_checkpoint:
        persistence.write_bundle(tmp_path / "checkpoint", {}, {})
    assert persistence.is_over(tmp_path, persistence.Status(status, packed=packed)) == over
    assert not persistence.is_over(tmp_path, None)
