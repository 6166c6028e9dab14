"""The worker as a process: it goes on where it was stopped; what is damaged, full or foreign does not deceive it."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import jax
import pytest

from small_disk import fill, small_disk
from sparserl import persistence
from sparserl.experiment import from_preset
from sparserl.persistence import UserError
from sparserl.processes.outcomes import BUSY, DIVERGED, FINISHED, INTERRUPTED, LOST, NO_ROOM, WRONG
from study.runs import plan
from waiting import PATIENCE_SECONDS
from worker import forked

pytestmark = pytest.mark.processes

STEPS = 2_000
DECIDING = {  # of the environment: with each, JAX computes other numbers, or nothing
    "JAX_DEFAULT_PRNG_IMPL": "rbg",
    "JAX_THREEFRY_PARTITIONABLE": "0",
    "JAX_ENABLE_X64": "1",
    "JAX_DEBUG_NANS": "1",
    "JAX_DISABLE_JIT": "1",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
}


def work(run, *words, **environment):
    """A worker on `run`, to its end; checkpoints at every report."""
    words = [str(run), "--checkpoint-seconds", "0.001", *words]
    if environment.keys() <= forked.UNDERSTOOD:
        return forked.work(*words, **environment)
    command = [sys.executable, "-m", "sparserl.worker", *words]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


# A worker that takes all the time that it needs to store what it has, where usually it has four seconds.
PATIENT = """
import runpy
from sparserl.worker import vigil
vigil.STOP_SECONDS = 3600.0
runpy.run_module("sparserl.worker", run_name="__main__", alter_sys=True)
"""


def start(run, *words):
    command = [sys.executable, "-c", PATIENT, str(run), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end_of(run):
    """All that a finished run leaves that is not a time."""
    rows = [{**row, "seconds": None} for row in persistence.read_evaluations(run).to_pylist()]
    return (run / "checkpoint" / "arrays.safetensors").read_bytes(), rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never stopped."""
    run = plan(tmp_path_factory.mktemp("whole"), total_steps=STEPS)
    assert work(run).returncode == FINISHED
    return run


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The same run, killed in the middle; tests work on copies."""
    run = plan(tmp_path_factory.mktemp("stopped"), total_steps=STEPS)
    assert work(run, SPARSERL_KILL_AT="evaluation:14").returncode == -signal.SIGKILL
    assert persistence.has_generations(run)
    assert persistence.read_evaluations(run).num_rows == 13
    return run


@pytest.fixture
def copy(stopped, tmp_path):
    shutil.copytree(stopped.parent, tmp_path / stopped.parent.name)
    return tmp_path / stopped.parent.name / stopped.name


def test_goes_on_on_any_number_of_cores_whatever_surrounds_it_and_says_from_where(whole, copy):
    """R3, too: the run that was never stopped may use all cores, this one is bound to one."""
    core = str(min(os.sched_getaffinity(0)))
    done = work(copy, "--core", core, **DECIDING, PYTHONHASHSEED="7", NPROC="4", HOME="nowhere", XDG_CACHE_HOME="")
    assert done.returncode == FINISHED, done.stderr
    assert all(f"{name} is set aside" in done.stderr for name in DECIDING)
    assert end_of(copy) == end_of(whole)
    assert "attempt 2 goes on from step 1,200" in done.stderr
    assert json.loads(done.stdout.splitlines()[0])["environment_steps"] > 1_200
    status = persistence.read_status(copy)
    assert (status.status, status.attempt, status.resumed_from_steps, status.forced) == ("finished", 2, 1_200, ())
    assert status.machine == {**persistence.read_status(whole).machine, "device": "cpu", "jax": jax.__version__}
    assert sorted(path.name for path in copy.iterdir()) == [
        "checkpoint",
        "evaluations.parquet",
        "lease.json",
        "lock",
        "status.json",
    ]
    before = (copy / "status.json").read_bytes()
    assert work(copy).returncode == FINISHED  # it is over
    assert (copy / "status.json").read_bytes() == before


def test_damaged_files_are_told_of_and_made_again(whole, copy):
    """R8 as a run meets it: the newest checkpoint, the evaluations and the status are damaged."""
    newest = copy / "resume" / "step=1200,attempt=1" / "arrays.safetensors"
    for path in (newest, copy / "evaluations.parquet", copy / "status.json"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        path.write_bytes(content)
    done = work(copy)
    assert done.returncode == FINISHED, done.stderr
    assert end_of(copy) == end_of(whole)
    assert "a checkpoint is left out: " in done.stderr
    assert "arrays.safetensors is damaged" in done.stderr
    assert "evaluations.parquet is damaged" in done.stderr
    assert "attempt 2 goes on from step 1,100" in done.stderr


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_killed_when_only_the_end_was_to_be_stored(whole, copy, passes):
    """After the last checkpoint: before the policy, before the status, before the checkpoints go."""
    assert work(copy, SPARSERL_KILL_AT=f"finish:{passes}").returncode == -signal.SIGKILL
    done = work(copy)
    assert done.returncode == FINISHED, done.stderr
    assert end_of(copy) == end_of(whole)
    assert not (copy / "resume").exists()


def test_diagnostics_asked_for_too_late(whole, copy):
    """The run goes on without them, as its checkpoints do not know of former topologies."""
    persistence.write_request(copy, persistence.RunRequest(diagnostics=True))
    done = work(copy)
    assert done.returncode == FINISHED
    assert "the run began without diagnostics, and goes on without" in done.stderr
    assert not persistence.has_diagnostics(copy)
    assert end_of(copy) == end_of(whole)


def test_a_damaged_compilation_cache_stops_nobody(whole, copy, tmp_path):
    """Entries cut short or overwritten since the last start, as a kill or a full disk leaves them.

    All but the largest, which takes seconds to make again.
    """
    cache = tmp_path / "cache"
    again = tmp_path / "again" / copy.parent.name / copy.name
    shutil.copytree(copy.parent, again.parent)
    assert work(copy, JAX_COMPILATION_CACHE_DIR=str(cache)).returncode == FINISHED
    entries = sorted(cache.glob("*-cache"), key=lambda entry: entry.stat().st_size)[:-1]
    assert len(entries) > 2
    for index, entry in enumerate(entries):
        content = entry.read_bytes()
        entry.write_bytes(content[: len(content) // 2] if index % 2 else bytes(len(content)))
    done = work(again, JAX_COMPILATION_CACHE_DIR=str(cache))
    assert done.returncode == FINISHED, done.stderr
    assert end_of(again) == end_of(copy) == end_of(whole)


def test_all_checkpoints_damaged(whole, copy):
    for path in copy.glob("resume/*/manifest.json"):
        path.unlink()
    done = work(copy)
    assert done.returncode == FINISHED
    assert end_of(copy) == end_of(whole)
    assert persistence.read_status(copy).resumed_from_steps is None


def reforge(run, **changes):
    """The newest checkpoint as if made elsewhere."""
    generation, _ = persistence.read_newest(run)
    attempt = persistence.claim(run)
    listed = {**generation.document, **changes, "segments": [segment._asdict() for segment in generation.segments]}
    persistence.write_bundle(run / "resume" / generation.name, generation.arrays, listed, attempt.scratch)
    attempt.release()


def test_another_machine_class_refuses_to_go_on_unless_forced(whole, copy):
    here = persistence.read_newest(copy)[0].document["machine_class"]
    reforge(copy, machine_class={**here, "jaxlib": "0.0.1", "cpu_features": "abacus"})
    refused = work(copy)
    assert refused.returncode == WRONG
    last = refused.stderr.splitlines()[-1]
    assert "was begun on another machine class: cpu_features abacus -> " in last
    assert "jaxlib 0.0.1 -> " in last
    assert "--force" in last
    assert persistence.read_status(copy).status == "failed"
    done = work(copy, "--force")
    assert done.returncode == FINISHED
    status = persistence.read_status(copy)
    assert [text.split()[0] for text in status.forced] == ["cpu_features", "jaxlib"]
    assert end_of(copy) == end_of(whole)  # in truth it was the same machine


def test_a_checkpoint_from_the_time_of_gymnax_goes_on(whole, copy):
    here = persistence.read_newest(copy)[0].document["machine_class"]
    assert "gymnax" not in here
    reforge(copy, machine_class={**here, "gymnax": "1.0.0"})  # a version whose bits nobody compared
    refused = work(copy)
    assert refused.returncode == WRONG
    assert "another machine class: gymnax 1.0.0 -> None;" in refused.stderr.splitlines()[-1]
    reforge(copy, machine_class={**here, "gymnax": "1.0.1"})
    assert work(copy).returncode == FINISHED
    assert end_of(copy) == end_of(whole)


def test_a_changed_setting_refuses_to_go_on(copy):
    choices = persistence.read_newest(copy)[0].document["choices"]
    reforge(copy, choices={**choices, "sparsity": 0.5})
    refused = work(copy, "--force")
    assert refused.returncode == WRONG
    assert "its checkpoint is of another experiment: choices.sparsity is 0.5, not 0.9" in refused.stderr


def test_a_checkpoint_of_a_newer_format_is_refused(copy):
    for path in copy.glob("resume/*/manifest.json"):
        path.write_text(path.read_text().replace('"format": 1', '"format": 9'))
    refused = work(copy)
    assert refused.returncode == WRONG
    assert "has format 9, newer than this sparserl" in refused.stderr.splitlines()[-1]
    assert list(copy.glob("resume/*/manifest.json"))


def test_rows_that_come_out_differently_are_told_of(whole, copy):
    """As after a repair of the machine: the stored future is not what this one computes."""
    rows = persistence.read_evaluations(copy).to_pylist()
    rows += [{**rows[-1], "environment_steps": 1_300, "mean_return": 1e6}]
    rows += [{**rows[-1], "environment_steps": 2_000}]
    persistence.write_table(persistence.EVALUATIONS, copy, rows)
    done = work(copy)
    assert done.returncode == FINISHED
    assert "an evaluation at step 1,300 is not what it was before" in done.stderr
    assert end_of(copy) == end_of(whole)


def test_divergence_is_a_result(tmp_path):
    """R5: found within an evaluation interval, kept with what was evaluated before, never tried again."""
    table = from_preset("dqn", "static", "CartPole-v1")
    run = plan(tmp_path, total_steps=STEPS, optimizer=dataclasses.replace(table.optimizer, learning_rate=1e30))
    done = work(run)
    assert done.returncode == DIVERGED
    assert re.search(r"training diverged before step (1\d\d|200): the loss is", done.stderr.splitlines()[-1])
    status = persistence.read_status(run)
    assert (status.status, status.final_return) == ("diverged", None)
    assert [row["environment_steps"] for row in persistence.read_evaluations(run).to_pylist()] == [0, 100]
    assert persistence.has_generations(run)  # the last finite one
    assert work(run).returncode == DIVERGED
    assert persistence.read_status(run).attempt == 1


def test_one_works_the_other_is_told_and_sigterm_stores(whole, tmp_path):
    run = plan(tmp_path, total_steps=10**8)
    first = start(run, "--checkpoint-seconds", "3600")
    assert json.loads(first.stdout.readline())["environment_steps"] == 0
    second = work(run)
    assert second.returncode == BUSY
    assert f"is being trained by another process, {first.pid} on " in second.stderr
    while json.loads(first.stdout.readline())["environment_steps"] < 500:
        pass
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=PATIENCE_SECONDS)
    assert first.returncode == INTERRUPTED
    status = persistence.read_status(run)
    assert status.status == "interrupted"
    assert status.environment_steps >= 500
    generation, complaints = persistence.read_newest(run)
    assert complaints == []
    assert generation.document["environment_steps"] == status.environment_steps
    assert not list(run.glob(".*"))


def test_a_worker_that_has_lost_its_run_ends_at_once(tmp_path):
    run = plan(tmp_path, total_steps=10**8)
    older = start(run, "--lease-seconds", "1.2")
    older.stdout.readline()
    older.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    newer = persistence.claim(run, 1.2)
    status = persistence.write_status(run, persistence.Status("running", attempt=newer.number), newer.scratch)
    older.send_signal(signal.SIGCONT)
    older.communicate(timeout=PATIENCE_SECONDS)
    assert older.returncode == LOST
    assert persistence.read_status(run) == status
    newer.release()


def test_a_run_whose_environment_cannot_be_captured_goes_on_with_fresh_episodes_and_is_marked(tmp_path):
    run = plan(tmp_path, "broken_environments:Forgetful-v0", total_steps=300)
    killed = work(run, SPARSERL_KILL_AT="evaluation:3")
    assert killed.returncode == -signal.SIGKILL
    assert "episodes' is of type generator; " in killed.stderr
    stored = persistence.read_status(run)
    at = stored.checkpoint_steps
    assert (stored.goes_on, stored.breaks) == ("fresh-episode", ())
    assert 100 <= at < 200
    refused = work(run, "--resume", "exact")
    assert refused.returncode == WRONG
    assert "can only go on with fresh episodes" in refused.stderr.splitlines()[-1]
    done = work(run)
    assert done.returncode == FINISHED, done.stderr
    assert f"it goes on with fresh episodes from step {at:,}: from there its bits are not promised" in done.stderr
    status = persistence.read_status(run)
    assert (status.status, status.resumed_from_steps, status.breaks) == ("finished", at, (at,))
    rows = persistence.read_evaluations(run).to_pylist()
    assert [(row["environment_steps"], row["num_breaks"]) for row in rows] == [(0, 0), (100, 0), (200, 1), (300, 1)]


def test_a_run_that_is_to_go_on_exactly_begins_anew_where_it_cannot(tmp_path):
    run = plan(tmp_path, "broken_environments:Forgetful-v0", total_steps=200)
    assert work(run, "--resume", "exact", SPARSERL_KILL_AT="evaluation:2").returncode == -signal.SIGKILL
    done = work(run, "--resume", "exact")
    assert done.returncode == FINISHED, done.stderr
    assert "no checkpoints, so that a new attempt begins anew: " in done.stderr
    status = persistence.read_status(run)
    assert (status.resumed_from_steps, status.goes_on, status.breaks) == (None, "anew", ())


def test_a_full_disk_stops_a_run_and_loses_nothing(whole, stopped, tmp_path):
    """R7 as a run meets it; tests/persistence/test_full_disk.py fills a disk at 20 points."""
    with small_disk(tmp_path, 2**20) as disk:
        shutil.copytree(stopped.parent, disk / stopped.parent.name)
        run = disk / stopped.parent.name / stopped.name
        filler = fill(disk, room=24_000)
        full = work(run)
        assert full.returncode == NO_ROOM
        assert "No space left on device" in full.stderr.splitlines()[-1]
        assert "bytes are needed" in full.stderr.splitlines()[-1]
        assert persistence.read_newest(run)[0] is not None
        assert persistence.read_evaluations(run).num_rows >= 13
        filler.unlink()
        assert work(run).returncode == FINISHED
        assert end_of(run) == end_of(whole)


def test_a_disk_that_is_full_from_the_start(whole, tmp_path):
    """It is no wrong request: with room it is a run like any other."""
    with small_disk(tmp_path, 2**20) as disk:
        run = plan(disk, total_steps=STEPS)
        for room in range(0, 20_000, 8_192):  # for the lease, say, and not for the first checkpoint
            filler = fill(disk, room)
            with (disk / "log").open("w") as log:  # which has no room, either
                command = [sys.executable, "-m", "sparserl.worker", str(run), "--checkpoint-seconds", "0.001"]
                full = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=log, check=False)
            assert full.returncode == NO_ROOM, room
            filler.unlink()
        assert work(run).returncode == FINISHED
        assert end_of(run) == end_of(whole)


def test_statuses_of_folders_that_are_no_runs(tmp_path):
    done = work(tmp_path / "nothing" / "seed=0")
    assert done.returncode == WRONG
    assert "experiment.json" in done.stderr.splitlines()[-1]
    with pytest.raises(UserError):
        persistence.read_experiment(tmp_path / "nothing")
