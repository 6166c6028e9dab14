"""Plans: every run counted once, finished ones left out; calibration in processes of its own, kept in the cache."""

import dataclasses
import io
import json
import shutil
from types import SimpleNamespace

import pytest

from sparserl import persistence
from sparserl.cli.study.plan import _source
from sparserl.persistence import Status
from sparserl.processes import child
from sparserl.processes.cores import release
from sparserl.study import Study, calibration, planning
from sparserl.study.calibration import Calibration, Measurement
from sparserl.study.grids import grid
from sparserl.study.planning import plan
from sparserl.types import UserError

PACE = Measurement(start_seconds=5.0, step_seconds=0.01, evaluation_step_seconds=0.0)


@pytest.fixture
def small():
    experiments = grid("dqn", environments=("CartPole-v1",), sparsities=(0.9,), methods=("static",), total_steps=2_000)
    return Study("small", "How long?", experiments, num_seeds=4)


@pytest.fixture
def known(monkeypatch):
    """As if every experiment had been measured."""
    found = lambda experiments, *_: Calibration({one.identifier: PACE for one in experiments})
    monkeypatch.setattr(planning, "calibrate", found)
    monkeypatch.setattr(planning, "remembered", found)
    monkeypatch.setattr(planning, "allowed_cores", lambda: [0, 1])


def finish(directory, experiment, seed, status, steps, rate=None):
    folder = persistence.RunId(experiment.identifier, seed).folder(directory)
    persistence.write_status(folder, Status(status, steps, environment_steps_per_second=rate))
    if status == "finished":
        persistence.write_bundle(folder / "checkpoint", {}, {})
    return folder


def test_a_plan_counts_every_run(tmp_path, small, known):
    found = plan(small, tmp_path)
    assert (found.num_runs, found.num_finished, found.num_begun) == (12, 0, 0)
    assert found.environment_steps == 12 * 2_000
    assert found.evaluation_steps == 12 * 2 * 20 * 500  # at the start and at the end
    assert found.core_seconds == pytest.approx(12 * (5.0 + 20.0))
    assert found.wall_seconds == pytest.approx(6 * 25.0)
    assert found.longest_run_seconds == pytest.approx(25.0)
    [part] = found.parts
    assert part[:5] == ("dqn", "CartPole-v1", 3, 12, 0)
    assert found.sources.num_measured == 3
    assert not list(tmp_path.iterdir())


def test_a_plan_leaves_out_what_has_finished_and_what_was_begun_counts_in_part(tmp_path, small, known):
    first, second, _ = small.experiments
    finish(tmp_path, first, 0, "finished", 2_000, rate=1_000.0)
    finish(tmp_path, first, 7, "finished", 2_000)  # of another study
    finish(tmp_path, second, 1, "interrupted", 500)
    finish(tmp_path, second, 2, "failed", 0)
    found = plan(small, tmp_path)
    assert (found.num_runs, found.num_finished, found.num_begun) == (12, 1, 1)
    assert found.environment_steps == 10 * 2_000 + 1_500
    assert found.sources.num_finished == 1
    # 2,000 steps at 1,000 a second: 2 s, which corrects the 25 s of its family, to which all dense networks belong.
    of_second = 25.0 if second.storage == "compressed" else 2.0
    assert found.core_seconds == pytest.approx(3 * 2.0 + (3 + 0.75) * of_second + 4 * 2.0)


def test_a_finished_run_whose_checkpoint_is_gone_is_run_anew_and_a_packed_one_is_not(tmp_path, small, known):
    gone, packed = (finish(tmp_path, small.experiments[0], seed, "finished", 2_000) for seed in (0, 1))
    for folder in (gone, packed):
        shutil.rmtree(folder / "checkpoint")
    persistence.write_status(packed, Status("finished", 2_000, packed=True))
    found = plan(small, tmp_path)
    assert (found.num_finished, found.environment_steps) == (1, 11 * 2_000)


def test_a_diverged_run_is_not_run_again(tmp_path, small, known, monkeypatch):
    monkeypatch.setattr("sparserl.persistence.results.STATUSES", ("running", "finished", "diverged"))
    finish(tmp_path, small.experiments[0], 0, "diverged", 700)
    assert plan(small, tmp_path).num_finished == 1


def test_one_long_run_is_no_shorter_on_two_cores(tmp_path, small, known):
    alone = dataclasses.replace(small, experiments=small.experiments[:1], num_seeds=1)
    assert plan(alone, tmp_path).wall_seconds == pytest.approx(25.0)


@pytest.mark.kernels  # without them all three are masked, one family, whose measurements correct each other
def test_a_study_lasts_no_shorter_than_its_longest_run(tmp_path, small, known, monkeypatch):
    """One of three runs takes 105 s, the others 25: two cores need 105 s, not half of 155."""
    slow = PACE._replace(step_seconds=0.05)
    measured = {one.identifier: slow if one == small.experiments[0] else PACE for one in small.experiments}
    monkeypatch.setattr(planning, "calibrate", lambda *_: Calibration(measured))
    found = plan(dataclasses.replace(small, num_seeds=1), tmp_path)
    assert found.longest_run_seconds == found.wall_seconds == pytest.approx(105.0)
    assert found.core_seconds == pytest.approx(155.0)


def test_without_calibration_nothing_is_measured_and_hours_are_not_known(tmp_path, small, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = plan(small, tmp_path / "results", measure=False)
    assert (found.core_seconds, found.wall_seconds, found.sources.num_unknown) == (None, None, 3)
    assert not list(tmp_path.iterdir())


def test_a_study_that_waits_is_refused_in_one_line(tmp_path):
    waits = Study("waits", "When?", (), 1, waiting=("DQN on what is not there",))
    with pytest.raises(UserError, match=r"^study waits cannot be run yet: DQN on what is not there$"):
        plan(waits, tmp_path)


@pytest.mark.processes
def test_a_calibration_is_measured_once(tmp_path, small, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(calibration, "LEAST_SHARE", 0.0)  # whoever else computes here
    [experiment] = small.experiments[:1]
    measured = calibration.calibrate([experiment], 30.0)
    assert measured.num_new == 1
    pace = measured.measurements[experiment.identifier]
    assert pace.start_seconds > pace.step_seconds > 0
    assert pace.evaluation_step_seconds > 0
    monkeypatch.setattr(calibration, "_start", None)  # from here on nothing is measured
    again = calibration.calibrate([experiment], 30.0)
    assert (again.num_new, again.measurements) == (0, measured.measurements)
    [entry] = tmp_path.glob("sparserl/calibration/*/*.json")
    entry.write_text(entry.read_text()[:-20])
    assert calibration.remembered([experiment]).measurements == {}
    assert not entry.exists()


@pytest.mark.processes
def test_a_measurement_that_fails_is_left_out(tmp_path, small, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    broken = dataclasses.replace(small.experiments[0], environment="no_such_module:Nothing-v0")
    assert calibration.calibrate([broken], 30.0).measurements == {}


def said_by_a_measuring_process(processor_share):
    paces = {"measured_seconds": 0.1, "step_seconds": 0.2, "evaluation_step_seconds": 0.3}
    return json.dumps({**paces, "processor_share": processor_share}).encode()


def test_what_was_measured_while_others_used_the_processor_is_told_and_not_kept(tmp_path, small, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shares = {small.experiments[0].identifier: 0.99, small.experiments[1].identifier: 0.5}

    def begin(experiment, core):
        said = io.BytesIO(said_by_a_measuring_process(shares[experiment.identifier]))
        return child.Child(SimpleNamespace(poll=lambda: 0, returncode=0, stdout=said), core, bytearray())

    monkeypatch.setattr(calibration, "stop", lambda ended: release(ended.core))
    monkeypatch.setattr(calibration, "_start", begin)
    two = dataclasses.replace(small, experiments=small.experiments[:2])
    monkeypatch.setattr(planning, "representatives", lambda jobs: [job.experiment for job in jobs])
    found = plan(two, tmp_path / "results")
    assert (found.sources.num_measured_now, found.sources.num_disturbed) == (2, 1)
    assert found.core_seconds is not None
    assert _source(found).endswith(", 1 of them with less than 85 % of a core: an idle machine may take less")
    assert calibration.remembered(two.experiments).measurements.keys() == {two.experiments[0].identifier}
    monkeypatch.setitem(shares, two.experiments[1].identifier, 0.95)
    again = plan(two, tmp_path / "results")
    assert (again.sources.num_measured_now, again.sources.num_disturbed) == (1, 0)
    assert "idle" not in _source(again)


def test_measurements_that_have_begun_are_the_last_of_the_budget(tmp_path, small, monkeypatch):
    """Two cores, three experiments: when the first core is free again, the budget is spent."""
    said = said_by_a_measuring_process(processor_share=1.0)
    slept, ends = [], iter((0.4, 1.2, 0.5))
    clock = SimpleNamespace(monotonic=lambda: sum(slept), sleep=slept.append)

    def begin(experiment, core):
        end = next(ends)
        poll = lambda: 0 if clock.monotonic() >= end else None
        return child.Child(SimpleNamespace(poll=poll, returncode=0, stdout=io.BytesIO(said)), core, bytearray())

    monkeypatch.setattr(calibration, "time", clock)
    monkeypatch.setattr(calibration, "stop", lambda ended: release(ended.core))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(calibration, "_start", begin)
    monkeypatch.setattr(calibration, "allowed_cores", lambda: [0, 1])
    measured = calibration.calibrate(small.experiments, 0.2).measurements
    assert measured.keys() == {one.identifier for one in small.experiments[:2]}
    first, second = measured.values()
    assert first == pytest.approx((0.3, 0.2, 0.3), abs=0.05)
    assert second == pytest.approx((1.1, 0.2, 0.3), abs=0.05)


def test_no_measurement_begins_once_the_budget_is_spent(tmp_path, small, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert calibration.calibrate(small.experiments, 0.0).measurements == {}
