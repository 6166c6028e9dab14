"""Runs on this machine, with real workers: runs that finish, break, are interrupted or killed."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sparserl import persistence, study
from sparserl.engine.retries import Retries
from sparserl.engine.settings import Settings
from sparserl.persistence import UserError
from sparserl.processes import outcomes
from study.runs import plan
from waiting import HEED_INTERRUPTS, PATIENCE_SECONDS, is_gone, wait_until

pytestmark = pytest.mark.processes


def test_a_run_that_breaks_leaves_the_others_alone(tmp_path):
    broken = plan(tmp_path, "broken_environments:NotANumber-v0")
    healthy = plan(tmp_path, seed=7)
    told = {broken: [], healthy: []}
    ended = study.run_all([broken, healthy], lambda folder, progress: told[folder].append(progress))
    assert [outcome.run_folder for outcome in ended] == [broken, healthy]
    assert ended[0].ending in ("failed", "wrong", "diverged")
    assert ended[0].environment_steps == 200
    assert "not finite" in ended[0].message
    assert ended[1]._replace(worker="") == study.Outcome(healthy, "finished", 0, "", 300)
    assert told[healthy][-1].environment_steps == 300  # steps between may come too fast to be told
    assert told[healthy][-1].evaluation_return is not None
    assert told[broken][-1].environment_steps == 200
    status = persistence.read_status(broken)
    assert status.status in ("failed", "diverged")
    assert "not finite" in status.message
    assert persistence.read_evaluations(broken).num_rows == 3
    assert persistence.read_status(healthy).status == "finished"
    density = told[healthy][-1].live_density
    assert persistence.read_evaluations(healthy).column("live_density").to_pylist() == [density] * 4
    check_one_worker_by_itself(healthy, plan(tmp_path / "again", seed=7))


def check_one_worker_by_itself(finished, run):
    """It gives the bits that the engine's worker gave, and leaves alone what is finished."""
    assert work(run).returncode == 0
    (arrays, document), (others, other) = (persistence.read_bundle(each / "checkpoint") for each in (finished, run))
    assert document == other
    assert arrays.keys() == others.keys()
    for name in arrays:
        assert arrays[name].tobytes() == others[name].tobytes()
    before = (run / "status.json").read_bytes()
    again = work(run)
    assert (again.returncode, again.stdout) == (0, "")
    assert (run / "status.json").read_bytes() == before


def test_an_environment_that_ends_the_process_is_a_failure(tmp_path):
    """With the exit status of a run that has finished, before anything of this one is stored."""
    run, news = plan(tmp_path, "broken_environments:EndsInAReset-v0"), []
    (outcome,) = study.run_all([run], lambda *_: None, news.append, retries=Retries(first_seconds=0.01))
    assert (outcome.ending, outcome.message) == ("failed", "the environment ended the process: exit status 0")
    assert [each.kind for each in news].count("retry") == 1  # a third time it would do the same
    assert persistence.read_status(run).status == "failed"


def test_a_run_that_needs_more_memory_than_it_may_have(tmp_path):
    """It fails by itself, in the way of every failure; with more it finishes."""
    run, news, settings = plan(tmp_path), [], Settings(memory_limit_bytes=150 * 2**20)
    (outcome,) = study.run_all(
        [run], lambda *_: None, news.append, settings=settings, retries=Retries(most=1, first_seconds=0.1)
    )
    assert outcome.ending == "failed"
    assert "memory" in outcome.message.lower()
    assert [each.kind for each in news].count("retry") == 1
    (outcome,) = study.run_all([run], lambda *_: None, settings=Settings(memory_limit_bytes=4 * 2**30))
    assert outcome.ending == "finished"


def test_a_worker_that_cannot_read_its_experiment(tmp_path):
    run = plan(tmp_path)
    path = run.parent / "experiment.json"
    path.write_text(path.read_text().replace("CartPole", "CartPale"))
    told = work(run)
    assert told.returncode == 2
    assert told.stderr.splitlines()[-1].startswith("sparserl: ")
    assert "edited" in told.stderr
    assert persistence.read_status(run).status == "failed"


def test_a_folder_that_cannot_be_written_stops_all_before_any_run(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)  # no process may start
    (tmp_path / "seed=1").write_text("a file")
    with pytest.raises(UserError, match=r"cannot write .*seed=1"):
        study.run_all([tmp_path / "seed=0", tmp_path / "seed=1"], lambda folder, progress: None)


def test_interrupt(tmp_path):
    """SIGINT to a real `sparserl train` of hours: over, evaluations kept, the status says so, one line how to go on."""
    process, run = start_long_training(tmp_path)
    check_that_only_one_process_trains_a_run(run)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)  # `stop_seconds` bounds it
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    (line,) = [line for line in err.splitlines() if line.startswith("sparserl: ")]
    assert "stopped with 0 of 1 seed finished" in line
    assert "the same command" in line
    assert persistence.read_evaluations(run).num_rows >= 2
    status = persistence.read_status(run)
    assert status.status == "interrupted"
    assert is_gone(status.process_id)


def check_that_only_one_process_trains_a_run(run):
    """A second one is told so, and the first goes on."""
    told = work(run)
    assert told.returncode == outcomes.BUSY
    assert "is being trained by another process" in told.stderr
    assert persistence.read_status(run).status == "running"


def test_no_worker_outlives_a_killed_parent(tmp_path):
    process, run = start_long_training(tmp_path)
    worker = persistence.read_status(run).process_id
    assert not is_gone(worker)
    process.kill()
    process.communicate()
    wait_until(lambda: is_gone(worker))
    assert persistence.read_evaluations(run).num_rows >= 2


def work(run):
    command = [sys.executable, "-m", "sparserl.worker", str(run)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def start_long_training(directory):
    """A `sparserl train` that would take hours, once it has evaluated twice: the process, and its run's folder."""
    words = "train dqn static --environment CartPole-v1 --total-steps 100000000 --network.hidden-units 16 16"
    short = "--evaluation.interval-steps 100 --evaluation.num-episodes 2 --agent.warmup-steps 100"
    command = [sys.executable, "-m", "sparserl", *words.split(), *short.split(), "--output", str(directory)]
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", HEED_INTERRUPTS, *command], stdout=pipe, stderr=pipe, text=True)

    def has_evaluated():
        assert process.poll() is None, process.communicate()
        return any(persistence.read_evaluations(path.parent).num_rows >= 2 for path in evaluations())

    evaluations = lambda: list(Path(directory).glob("*/seed=0/evaluations.parquet"))
    wait_until(has_evaluated)
    return process, evaluations()[0].parent
