"""Seeds side by side, as processes on the CPU: stopped anywhere they end as if nothing had happened."""

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest

from experiment.test_seeds_in_one_program import assert_alike
from sparserl import persistence
from sparserl.experiment import Experiment, from_preset, obstacle_to_side_by_side
from sparserl.processes.outcomes import FAILED, FINISHED, INTERRUPTED, WRONG
from sparserl.worker.holding import Hold
from study.runs import plan
from waiting import PATIENCE_SECONDS
from worker import forked
from worker.test_worker import PATIENT

pytestmark = pytest.mark.processes

STEPS = 900
SEEDS = (0, 1, 2)
TOGETHER = "seeds 0,1,2 side by side"


def work(*runs, words=(), **environment):
    """A worker on `runs`, to its end; checkpoints at every report."""
    words = [*map(str, runs), "--checkpoint-seconds", "0.001", *words]
    if environment.keys() <= forked.UNDERSTOOD:
        return forked.work(*words, **environment)
    command = [sys.executable, "-m", "sparserl.worker", *words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def planned(directory, **choices):
    return [plan(directory, seed=seed, **{"storage": "masked", "total_steps": STEPS, **choices}) for seed in SEEDS]


def end_of(run):
    """All that a finished run leaves that is not a time."""
    rows = [{**row, "seconds": None} for row in persistence.read_evaluations(run).to_pylist()]
    return (run / "checkpoint" / "arrays.safetensors").read_bytes(), rows


def steps_of(run):
    return sorted(int(path.name.split(",")[0].removeprefix("step=")) for path in run.glob("resume/step=*"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Three seeds that were never stopped."""
    runs = planned(tmp_path_factory.mktemp("whole"))
    done = work(*runs)
    assert done.returncode == FINISHED, done.stderr
    return runs


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The same seeds, killed when the first two had stored a checkpoint and the third had not; tests work on copies."""
    runs = planned(tmp_path_factory.mktemp("stopped"))
    assert work(*runs, SPARSERL_KILL_AT="checkpoint:24").returncode == -signal.SIGKILL
    return runs


@pytest.fixture
def copies(stopped, tmp_path):
    shutil.copytree(stopped[0].parent, tmp_path / stopped[0].parent.name)
    return [tmp_path / run.parent.name / run.name for run in stopped]


def test_each_seed_keeps_what_a_run_alone_keeps(whole, tmp_path):
    for run in whole:
        status = persistence.read_status(run)
        assert (status.status, status.layout, status.environment_steps) == ("finished", TOGETHER, STEPS)
        assert sorted(path.name for path in run.iterdir()) == [
            "checkpoint",
            "evaluations.parquet",
            "lease.json",
            "lock",
            "status.json",
        ]
    alone = planned(tmp_path)[1]
    assert work(alone).returncode == FINISHED
    assert persistence.read_status(alone).layout == "alone"
    (ours, ours_document), (theirs, theirs_document) = (
        persistence.read_bundle(run / "checkpoint") for run in (whole[1], alone)
    )
    assert ours.keys() == theirs.keys()
    assert ours_document == theirs_document
    for name in ours:
        assert_alike(ours[name], theirs[name], name)
    before = (whole[0] / "status.json").read_bytes()
    assert work(*whole).returncode == FINISHED  # all is over
    assert (whole[0] / "status.json").read_bytes() == before


def test_killed_between_two_commits_they_go_on_from_the_common_step(whole, copies):
    newest = [steps_of(run)[-1] for run in copies]
    common = newest[-1]
    assert newest[0] > common
    assert common in steps_of(copies[0])
    done = work(*copies)
    assert done.returncode == FINISHED, done.stderr
    assert {persistence.read_status(run).resumed_from_steps for run in copies} == {common}
    assert [end_of(run) for run in copies] == [end_of(run) for run in whole]


def poison(run, steps):
    """NaN in the networks of a run's checkpoint at `steps`; newer ones go."""
    for path in run.glob("resume/step=*"):
        if not path.name.startswith(f"step={steps},"):
            shutil.rmtree(path)
    generation, _ = persistence.read_newest(run)
    assert generation.document["environment_steps"] == steps
    sick = {name: np.full_like(x, np.nan) if "/params/" in name else x for name, x in generation.arrays.items()}
    assert sum(np.isnan(x).all() for x in sick.values() if x.dtype == np.float32) > 3
    attempt = persistence.claim(run)
    listed = {**generation.document, "segments": [segment._asdict() for segment in generation.segments]}
    persistence.write_bundle(run / "resume" / generation.name, sick, listed, attempt.scratch)
    attempt.release()


def test_seeds_that_are_over_or_diverge_change_nothing_of_the_others(whole, copies):
    """As if killed while the first had just been finished; the second diverges at its next step."""
    shutil.rmtree(copies[0])
    shutil.copytree(whole[0], copies[0])
    before = (copies[0] / "status.json").read_bytes()
    common = steps_of(copies[2])[-1]
    poison(copies[1], common)
    done = work(*copies)
    assert done.returncode == FINISHED, done.stderr
    assert end_of(copies[2]) == end_of(whole[2])
    assert (copies[0] / "status.json").read_bytes() == before
    status = persistence.read_status(copies[1])
    assert (status.status, status.final_return) == ("diverged", None)
    assert status.message.startswith("training diverged before step ")
    assert persistence.read_evaluations(copies[1]).to_pylist()[-1]["environment_steps"] <= common + 100
    assert {json.loads(line)["run"] for line in done.stdout.splitlines()[1:]} == {"seed=2"}


def test_a_seed_that_has_lost_its_checkpoints_does_not_cost_the_others_theirs(whole, copies):
    common = steps_of(copies[2])[-1]
    shutil.rmtree(copies[0] / "resume")
    done = work(*copies)
    assert done.returncode == FAILED, done.stderr  # there is something left to do
    assert "seed 0 is behind those beside it" in done.stderr
    assert {persistence.read_status(run).resumed_from_steps for run in copies[1:]} == {common}
    assert [end_of(run) for run in copies[1:]] == [end_of(run) for run in whole[1:]]
    assert work(*copies).returncode == FINISHED
    assert persistence.read_status(copies[0]).resumed_from_steps is None
    assert end_of(copies[0]) == end_of(whole[0])


def test_another_layout_refuses_to_go_on(copies):
    before = [steps_of(run) for run in copies]
    alone = work(copies[0])
    assert alone.returncode == WRONG
    assert f"machine class: layout {TOGETHER} -> alone; " in alone.stderr.splitlines()[-1]
    newcomer = copies[0].with_name("seed=3")  # which has no checkpoint: nothing is thrown away for it
    more = work(*copies, newcomer)
    assert more.returncode == WRONG
    assert f"machine class: layout {TOGETHER} -> seeds 0,1,2,3 side by side; " in more.stderr.splitlines()[-1]
    assert [steps_of(run) for run in copies] == before


def test_sigterm_stores_all_of_them_at_one_step(tmp_path):
    runs = planned(tmp_path, total_steps=10**8)[:2]
    command = [sys.executable, "-c", PATIENT, *map(str, runs), "--checkpoint-seconds", "3600"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while json.loads(process.stdout.readline())["environment_steps"] < 100:
        pass
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == INTERRUPTED
    assert {persistence.read_status(run).status for run in runs} == {"interrupted"}
    assert steps_of(runs[0]) == steps_of(runs[1]) != []
    assert not [path for run in runs for path in run.glob(".*")]


def test_what_cannot_be_trained_side_by_side_is_refused(tmp_path):
    hosted = [plan(tmp_path, seed=seed, storage="masked", environment_backend="host") for seed in (0, 1)]
    refused = work(*hosted)
    assert refused.returncode == WRONG
    assert refused.stderr.splitlines()[-1] == (
        "sparserl: seeds cannot be trained side by side: environment CartPole-v1 is not a compiled one"
    )
    devices = work(*planned(tmp_path)[:2], JAX_PLATFORMS="cuda,cpu", CUDA_VISIBLE_DEVICES="")
    assert devices.returncode == WRONG
    assert "a GPU is asked for, and JAX finds none" in devices.stderr.splitlines()[-1]
    mixed = work(hosted[0], tmp_path / "another" / "seed=1")
    assert mixed.returncode == WRONG
    assert "are not of one experiment" in mixed.stderr
    compressed = from_preset("dqn", "static", "CartPole-v1", compressed_layers=("q/hidden_2=0.4",))
    assert "its storage is compressed" in obstacle_to_side_by_side(compressed)
    choices = persistence.read_experiment(planned(tmp_path)[0].parent)["choices"]
    assert obstacle_to_side_by_side(Experiment.from_choices(choices)) is None


def test_all_runs_are_held_or_none(tmp_path):
    runs = [tmp_path / f"seed={seed}" for seed in SEEDS]
    other = persistence.claim(runs[2])
    with pytest.raises(persistence.Busy):
        Hold(runs, 30.0, lambda: None)
    assert [persistence.is_working(run) for run in runs] == [False, False, True]
    other.release()
    hold = Hold(runs, 30.0, lambda: None)
    assert all(persistence.is_working(run) for run in runs)
    hold.let_go(1)
    assert [persistence.is_working(run) for run in runs] == [True, False, True]
    hold.release()
    assert not any(persistence.is_working(run) for run in runs)
