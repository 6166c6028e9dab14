"""Contents: a place is read by what its folders hold, however people have renamed, copied, linked and merged them."""

import math
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from sinks.stored_runs import evaluation, put
from sparserl import persistence
from sparserl.persistence import (
    EVALUATIONS,
    RunId,
    UserError,
    check_run,
    find_experiment,
    find_run,
    plan_experiment,
    tables,
)
from sparserl.persistence.contents import read_runs

NAME = "dqn-rigl-0a1b2c3d"


def look(place):
    """The runs in a place and how many rows each has, and all that is said of what is left out."""
    lines = []
    runs = read_runs(EVALUATIONS, place, say=lines.append)
    return {str(stored.run): stored.rows.num_rows for stored in runs}, lines


@pytest.fixture
def place(tmp_path):
    """A results directory of two finished seeds of one experiment."""
    for seed in (0, 1):
        put(tmp_path / "results", seed, 3, "finished")
    return tmp_path / "results"


BOTH = {f"{NAME}/seed=0": 3, f"{NAME}/seed=1": 3}


def renamed(place):
    (place / NAME).rename(place / "best one")


def run_renamed(place):
    (place / NAME / "seed=0").rename(place / NAME / "run 0")


def nested(place):
    shutil.move(place / NAME, place / "results" / NAME)


def linked(place):
    (place / "alias").symlink_to(place / NAME)
    (place / NAME / "again").symlink_to(place / NAME / "seed=0")
    (place / "loop").symlink_to(place)


def on_another_disk(place):
    shutil.move(place / NAME / "seed=0", place.parent / "disk" / "seed=0")
    (place / NAME / "seed=0").symlink_to(place.parent / "disk" / "seed=0")


def littered(place):
    for folder in (place, place / NAME, place / NAME / "seed=0"):
        for name in (".DS_Store", "._evaluations.parquet", "Thumbs.db", "notes.txt", ".nfs01"):
            (folder / name).write_text("x")
        for name in (".ipynb_checkpoints", "seed=abc", "seed=0.old"):
            (folder / name).mkdir()
    (place / NAME / ".#lock").symlink_to("nobody@nowhere")


def set_aside(place):
    shutil.copytree(place / NAME / "seed=0", place / NAME / f"{persistence.ASIDE}seed=0")


@pytest.mark.parametrize(
    "change",
    [renamed, run_renamed, nested, linked, on_another_disk, littered, set_aside],
    ids=lambda each: each.__name__,
)
def test_what_folders_are_called_and_what_else_lies_there_does_not_matter(place, change):
    change(place)
    assert look(place) == (BOTH, [])


@pytest.mark.parametrize("copy", [f"{NAME}/seed=0 (copy)", f"{NAME}/seed=00", f"{NAME}/seed=7", "old/seed=0", "seed=0"])
def test_a_copy_counts_once_and_is_told(place, copy):
    shutil.copytree(place / NAME / "seed=0", place / copy)
    runs, [line] = look(place)
    assert runs == BOTH
    assert line == f"{place / copy} is a copy of {place / NAME / 'seed=0'}: {NAME}/seed=0 counts once"


def test_an_earlier_state_gives_way_wherever_it_lies(place):
    shutil.copytree(place / NAME / "seed=0", place / NAME / "seed=0.new")
    persistence.write_table(
        EVALUATIONS, place / NAME / "seed=0", [evaluation(0, 0), evaluation(0, 100) | {"seconds": 9.0}]
    )
    runs, [line] = look(place)
    assert runs == BOTH
    assert line.startswith(f"{place / NAME / 'seed=0'} is an earlier state of {place / NAME / 'seed=0.new'}")


def test_two_that_differ_are_both_named_and_neither_counts(place):
    rows = [evaluation(0, steps) for steps in (0, 100, 200)]
    for value in (math.nan, 1.0):
        persistence.write_table(EVALUATIONS, place / "a/seed=0", [*rows[:2], rows[2] | {"mean_return": value}])
        with pytest.raises(
            UserError, match=r"seed=0 and .*a/seed=0 are both .*/seed=0 and differ from step 200 on: move"
        ):
            look(place)
    shutil.copytree(place / "a/seed=0", place / "b/seed=0")
    shutil.rmtree(place / NAME / "seed=0")
    assert look(place)[0] == BOTH  # equal, with NaN


def test_a_seed_that_is_called_as_another_counts_as_what_it_is(place):
    (place / NAME / "seed=1").rename(place / NAME / "seed=8")
    assert look(place) == (BOTH, [f"{place / NAME / 'seed=8'} holds {NAME}/seed=1, by its rows, and counts as that"])


def test_what_cannot_be_looked_into_is_told(place, monkeypatch):
    (place / NAME / "seed=5").symlink_to("/mnt/gone/seed=5")
    (place / NAME / "seed=6").symlink_to(place / NAME / "seed=6")
    (place / NAME / "seed=1" / "evaluations.parquet").unlink()
    (place / NAME / "seed=4").mkdir()
    put(place, 3, 1)
    (place / NAME / "seed=3" / "evaluations.parquet").unlink()  # it has just begun: nothing is missing
    runs, lines = look(place)
    assert runs == {f"{NAME}/seed=0": 3}
    assert [line.replace(str(place / NAME), "") for line in lines] == [
        "/seed=5 is left out: it is a link to /mnt/gone/seed=5, which is not there",
        f"/seed=6 is left out: it is a link to {place / NAME / 'seed=6'}, which is not there".replace(
            str(place / NAME), ""
        ),
        "/seed=1 is left out: it has finished, and its rows are missing; copy it again",
        "/seed=4 is left out: it is empty",
    ]
    import os

    scan = os.scandir

    def guarded(path):
        if Path(path).name == "private":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    (place / "private").mkdir()
    monkeypatch.setattr(os, "scandir", guarded)
    assert f"{place / 'private'} is left out: Permission denied" in look(place)[1]


def test_many_lines_become_few(place):
    for number in range(20):
        shutil.copytree(place / NAME / "seed=0", place / NAME / f"copy {number}")
    runs, lines = look(place)
    assert runs == BOTH
    assert len(lines) == 9
    assert lines[-1].startswith("and 12 more folders in ")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("file", "it is a file; name a results directory"),
        ("nowhere", "it is not there"),
        ("link", r"it is a link to /mnt/gone, which is not there"),
        ("studies/mine@smoke", "it is the plan of a study, whose runs lie in "),
        ("empty", "expected evaluations.parquet in it or in its folders seed=<n>"),
        ("copied", "seed=0 is left out: it has finished, and its rows are missing"),
    ],
)
def test_why_a_place_has_none(tmp_path, name, why):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to("/mnt/gone")
    persistence.write_document(tmp_path / "studies/mine@smoke/study.json", {})
    (tmp_path / "empty").mkdir()
    (put(tmp_path / "copied", 0, 1, "finished") / "evaluations.parquet").unlink()
    with pytest.raises(UserError, match=f"{name} holds no evaluations: .*{why}"):
        look(tmp_path / name)


def test_seeds_in_paths_and_in_files_agree(place):
    """Arrow reads `seed=<n>` in a path as 32 bits; pandas would have categories, which no file can hold."""
    files = sorted(str(path) for path in place.glob("*/seed=*/evaluations.parquet"))
    for read in (ds.dataset(files, partitioning="hive"), ds.dataset(files)):
        table = read.to_table()
        assert table.schema.field("seed").type == pa.int32()
        assert table["seed"].to_pylist() == [0] * 3 + [1] * 3
    assert persistence.read_evaluations(place)["seed"].to_pylist() == [0] * 3 + [1] * 3
    pandas = pytest.importorskip("pandas")
    assert pandas.read_parquet(files, partitioning=None)["seed"].tolist() == [0] * 3 + [1] * 3
    large = put(place, 2**32 - 1, 1)
    assert pq.read_schema(large / "evaluations.parquet").field("seed").type == pa.int64()
    assert persistence.read_evaluations(large)["seed"].to_pylist() == [2**32 - 1]


def test_a_run_is_found_whatever_its_folder_is_called(place, tmp_path, monkeypatch):
    run_renamed(place)
    (tmp_path / "best").symlink_to(place / NAME / "run 0")
    for words in (place / NAME / "run 0", tmp_path / "best", f"{NAME}/run 0"):
        assert find_run(words, [place]).samefile(place / NAME / "run 0")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_run(f"~/results/{NAME}/seed=1", []) == place / NAME / "seed=1"
    assert find_run(f"{NAME}/seed=1", ["~/results"]) == place / NAME / "seed=1"
    (place / "loop").symlink_to(place / "loop")
    for bad in ("loop", "~nobody-of-this-name/x"):
        with pytest.raises(UserError, match=r"no run|not known here"):
            find_run(bad, [place])
    with pytest.raises(
        UserError, match=f"is a folder of experiments, not a run; name one of {NAME}/run 0, {NAME}/seed=1"
    ):
        find_run(place, [])


@pytest.fixture
def experiments(tmp_path):
    """Two experiments that have one choice, with a run of each: their folders by that choice."""
    folders = {}
    for value in (1, 2):
        identifier = persistence.experiment_id("dqn", {"choice": value})
        folders[value] = plan_experiment(tmp_path, identifier, {"choices": {"choice": value}})
        put(tmp_path, 0, 2, "finished", identifier)
    return folders


def test_a_run_that_was_copied_or_moved_is_refused_in_its_new_place(experiments):
    one, two = experiments.values()
    check_run(one / "seed=0")
    check_run(one / "seed=1")  # it has not begun
    shutil.copytree(one / "seed=0", one / "seed=1")
    shutil.copytree(one / "seed=0", two / "seed=2")
    for wrong in (one / "seed=1", two / "seed=2"):
        with pytest.raises(UserError, match=f"{wrong.name} holds {one.name}/seed=0: it was copied, renamed or moved"):
            check_run(wrong)
    with pytest.raises(UserError, match="holds other-1a2b3c4d/seed=0"):
        check_run(one / "seed=0", RunId("other-1a2b3c4d", 0))
    one.rename(one.with_name("best"))
    check_run(one.with_name("best") / "seed=0")


def test_a_renamed_experiment_is_found_and_not_begun_anew(experiments, tmp_path):
    one, two = experiments.values()
    assert find_experiment(tmp_path, one.name) == one
    one.rename(tmp_path / "best")
    assert find_experiment(tmp_path, one.name) == tmp_path / "best"
    assert find_experiment(tmp_path, "dqn-00000000") is None
    with pytest.raises(
        UserError, match=rf"best holds {one.name}: rename it to that, or choose another output directory"
    ):
        plan_experiment(tmp_path, one.name, {"choices": {"choice": 1}})
    shutil.copytree(two, tmp_path / f"old {two.name}")
    assert find_experiment(tmp_path, two.name) == two
    shutil.rmtree(two)
    assert find_experiment(tmp_path, two.name) == tmp_path / f"old {two.name}"


def test_columns_that_came_later_are_null_in_earlier_files_wherever_they_have_their_place(place):
    whole = persistence.read_evaluations(place)
    for gone in (["results_version"], ["num_breaks"], ["results_version", "randomness", "num_breaks"], ["preset"]):
        bare = whole.drop_columns(gone).slice(0, 3)
        content = tables._to_parquet(bare)
        (place / NAME / "seed=0" / "evaluations.parquet").write_bytes(content)
        read = persistence.read_evaluations(place / NAME / "seed=0")
        assert read.schema.equals(persistence.EVALUATION_SCHEMA)
        assert all(read[name].null_count == 3 for name in gone)
        assert read.drop_columns(gone).equals(bare)
