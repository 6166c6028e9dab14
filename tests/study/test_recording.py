"""Recording: runs begun without the diagnostics that a study wants are told of, and begin anew where that is asked."""

import dataclasses

import pytest

from cli.command import call
from cli.test_study_run import write_study
from sparserl import persistence
from sparserl.experiment import from_preset, planned
from sparserl.study import Study, recording
from sparserl.study.planning import plan
from sparserl.study.stored import stored
from sparserl.study.storing import store
from sparserl.types import UserError

LACKING = "1 run was begun without the diagnostics that this study shows: --rerun-without-diagnostics trains them again"


def timeless(run):
    return [{**row, "seconds": None} for row in persistence.read_evaluations(run).to_pylist()]


@pytest.mark.processes
def test_runs_that_lack_diagnostics_are_told_of_and_trained_again_where_that_is_asked(capsys, tmp_path):
    path, results = write_study(tmp_path, ("CartPole-v1",)), tmp_path / "results"
    words = ("--output", results, "--scale", "smoke")
    assert call(capsys, "study", "run", path, *words).status == 0
    path.write_text(path.read_text().replace(", 1)\n", ", 1, diagnostics=True)\n"))

    planned_text = call(capsys, "study", "plan", path, *words, "--no-calibration")
    assert f"lacking: {LACKING}" in planned_text.out
    again = call(capsys, "study", "run", path, *words)
    assert again.status == 0
    assert "nothing to do" in again.err
    assert LACKING in again.err
    assert LACKING in call(capsys, "study", "status", "tiny", *words).out
    [run] = results.glob("*/seed=0")
    assert not persistence.has_diagnostics(run)
    before, attempt = timeless(run), persistence.read_lease(run).attempt

    rerun = call(capsys, "study", "resume", "tiny", *words, "--rerun-without-diagnostics", "--json")
    assert rerun.status == 0, rerun.err
    assert "begins anew, with diagnostics: what it was is in without-diagnostics.seed=0 beside it" in rerun.err
    assert rerun.document()["num_without_diagnostics"] == 0
    assert timeless(run) == before
    recorded = persistence.read_diagnostics(run)["environment_steps"].to_pylist()
    assert sorted(set(recorded)) == [row["environment_steps"] for row in before]
    aside = run.with_name("without-diagnostics.seed=0")
    assert timeless(aside) == before
    assert persistence.read_lease(aside)._replace(renewed=0)[::3] == (attempt + 1, True)
    assert persistence.read_evaluations(results).num_rows == len(before)
    assert persistence.read_evaluations(run.parent).num_rows == len(before)

    nothing = call(capsys, "study", "run", path, *words, "--rerun-without-diagnostics")
    assert nothing.status == 0
    assert "no run that is to record diagnostics was begun without" in nothing.err
    assert len(list(run.parent.iterdir())) == 3  # the document and both folders


def begin(run, diagnostics=False):
    from persistence.stored_run import row

    rows = [{**row(persistence.EVALUATION_SCHEMA), "experiment_id": run.parent.name}]
    persistence.write_table(persistence.EVALUATIONS, run, rows)
    if diagnostics:
        persistence.write_table(persistence.DIAGNOSTICS, run, [row(persistence.DIAGNOSTICS_SCHEMA)])
    return run


def test_who_lacks_diagnostics(tmp_path):
    lacks, has, waits = (tmp_path / f"seed={seed}" for seed in range(3))
    begin(lacks)
    begin(has, diagnostics=True)
    assert recording.lacking([lacks, has, waits]) == [lacks]


def test_a_run_that_somebody_works_on_is_left_alone(tmp_path):
    held, free = begin(tmp_path / "seed=0"), begin(tmp_path / "seed=1")
    attempt = persistence.claim(held)
    moved, [busy] = recording.set_aside([held, free])
    assert moved == [free]
    assert "is being trained by another process" in str(busy)
    assert (held / "evaluations.parquet").exists()
    attempt.release()


def test_nothing_that_was_set_aside_is_replaced(tmp_path):
    run = tmp_path / "seed=0"
    for _ in range(3):
        recording.set_aside([begin(run)])
    names = ["without-diagnostics.seed=0", "without-diagnostics.seed=0.2", "without-diagnostics.seed=0.3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    with pytest.raises(UserError, match="holds no evaluations"):
        persistence.read_evaluations(tmp_path)


@pytest.fixture
def two():
    experiments = tuple(
        planned(from_preset("dqn", "rigl", "CartPole-v1", sparsity=sparsity)) for sparsity in (0.5, 0.9)
    )
    return Study("two", "Which are recorded?", experiments, 1, diagnostics=(experiments[0].identifier,))


def test_a_study_may_want_diagnostics_of_some_of_its_experiments(tmp_path, two):
    first, second = (one.identifier for one in two.experiments)
    store(tmp_path, two, "smoke")
    assert stored(tmp_path, "two", "smoke").diagnosed == {first}
    for identifier in (first, second):
        begin(persistence.RunId(identifier, 0).folder(tmp_path))
    assert plan(two, tmp_path, measure=False).num_without_diagnostics == 1
    for wanted, expected in ((True, {first, second}), (False, set())):
        store(tmp_path, dataclasses.replace(two, diagnostics=wanted), "quick")
        assert stored(tmp_path, "two", "quick").diagnosed == expected
    with pytest.raises(UserError, match="diagnostics has elsewhere, which is no experiment"):
        dataclasses.replace(two, diagnostics=("elsewhere",))
    with pytest.raises(UserError, match="diagnostics is 'yes': it takes True, False or a tuple"):
        dataclasses.replace(two, diagnostics="yes")
