"""Endings: what is believed of a process that has ended is what it stored and what it said last, never its status."""

from types import SimpleNamespace

import pytest

from sparserl import persistence
from sparserl.engine import endings
from sparserl.engine.assignments import Assignment, Surroundings, Teller
from sparserl.engine.retries import Retries, after, failure_of, gives_up, lasting
from sparserl.engine.settings import Settings
from sparserl.persistence import Status
from sparserl.processes.outcomes import (
    BUSY,
    DIVERGED,
    ENDINGS,
    FAILED,
    FINISHED,
    INTERRUPTED,
    LOST,
    NO_ROOM,
    WRONG,
)

OWN, OLDER = 4242, 17  # process numbers
ENDED = "the environment ended the process: exit status "


def ended(folder, exit_status, told=None, cause="", stored=None, before=None, settings=None):
    """The outcome of a run whose process has ended; `stored` is its status then, `before` when it was started."""
    folder.mkdir(exist_ok=True)
    (folder / "log.txt").write_text("sparserl: so it said\n")
    if before is not None:
        persistence.write_status(folder, before)
    known = {folder: persistence.read_status(folder)}
    if stored is not None:
        persistence.write_status(folder, stored)
    process = SimpleNamespace(wait=lambda: exit_status, pid=OWN)
    worker = SimpleNamespace(child=SimpleNamespace(process=process), log_start=0, began=0.0)
    assignment = Assignment(str(folder), "key", "topic", settings or Settings(), {})
    return endings.outcome(worker, assignment, cause, SimpleNamespace(ending=told, environment_steps=60), known)


def running(**more):
    return Status("running", environment_steps=50, process_id=OWN, attempt=2, **more)


@pytest.mark.parametrize("exit_status", [*ENDINGS, 7, 143, 255])
def test_no_exit_status_is_believed(tmp_path, exit_status):
    outcome = ended(tmp_path / "seed=0", exit_status, stored=running())
    assert outcome[1:] == ("failed", FAILED, f"{ENDED}{exit_status}", 60, "")
    status = persistence.read_status(tmp_path / "seed=0")
    assert (status.status, status.message) == ("failed", f"{ENDED}{exit_status}")
    failures = (failure_of(outcome),)
    assert after(outcome, failures, Retries()).step == "retry"
    assert not gives_up(failures, Retries())
    assert lasting(failures) == failures
    assert gives_up(failures * 2, Retries())  # a third time would come, too


@pytest.mark.parametrize("told", [None, FINISHED, DIVERGED])
@pytest.mark.parametrize("status", ["interrupted", "failed", "finished"])
def test_what_an_older_attempt_stored_is_no_ending_of_this_one(tmp_path, status, told):
    """A finished run whose policy is gone is trained again, too; containers give the same number to process again."""
    older = Status(status, environment_steps=50, message="of old", process_id=OWN, attempt=1)
    outcome = ended(tmp_path / "seed=0", told or 0, told, before=older)
    assert (outcome.ending, outcome.message) == ("failed", f"{ENDED}{told or 0}")


def test_what_is_stored_is_believed_whatever_the_process_ended_with(tmp_path):
    diverged = Status("diverged", process_id=OWN, message="the loss is nan")
    assert ended(tmp_path / "seed=0", 0, stored=diverged)[1:3] == ("diverged", DIVERGED)
    (tmp_path / "seed=1" / "checkpoint").mkdir(parents=True)
    finished = Status("finished", process_id=OWN)
    assert ended(tmp_path / "seed=1", 1, stored=finished)[1:3] == ("finished", FINISHED)
    failed = Status("failed", process_id=OWN, message="it could not say so any more")
    assert ended(tmp_path / "seed=2", 0, stored=failed)[1:4] == ("failed", FAILED, failed.message)


def test_a_finished_run_that_is_not_tidied_up_is_worked_on_again(tmp_path):
    run = tmp_path / "seed=0"
    for folder in ("checkpoint", "resume"):
        (run / folder).mkdir(parents=True)
    outcome = ended(run, -9, stored=Status("finished", process_id=OWN))
    assert outcome.ending == "failed"
    assert persistence.read_status(run).status == "finished"


@pytest.mark.parametrize("told", [FAILED, WRONG, LOST, BUSY, NO_ROOM])
def test_what_a_worker_says_last_is_believed(tmp_path, told):
    outcome = ended(tmp_path / "seed=0", told, told, stored=running())
    assert (outcome.ending, outcome.exit_status) == (ENDINGS[told], told)
    assert outcome.message.endswith("seed=0" if told == NO_ROOM else "so it said")


def test_a_signal_of_others_is_a_failure_soon_after_the_start(tmp_path):
    """It may be the environment's, at every start; later it is none, as when a machine is needed for something else."""
    interrupted = Status("interrupted", process_id=OWN)
    for steady_seconds, ending in ((1e9, "failed"), (1e-9, "interrupted")):
        settings = Settings(steady_seconds=steady_seconds)
        outcome = ended(tmp_path / "seed=0", INTERRUPTED, INTERRUPTED, stored=interrupted, settings=settings)
        assert (outcome.ending, outcome.message) == (ending, "it was stopped by a signal that the engine did not send")
    assert ended(tmp_path / "seed=0", INTERRUPTED, INTERRUPTED, "stopped", interrupted).ending == "interrupted"


def test_a_worker_that_is_asked_to_stop_and_ends_otherwise_is_interrupted(tmp_path):
    for exit_status in (0, 3, -9, -15):
        run = tmp_path / f"seed={exit_status + 20}"
        assert ended(run, exit_status, None, "stopped", running()).ending == "interrupted"
        early = (
            "stopped while its process started"
            if exit_status == -15
            else "it was asked to stop, and killed because it did not"
        )
        assert persistence.read_status(run).message == early
        assert persistence.read_status(run).status == "interrupted"


def test_a_process_that_ends_before_it_stores_anything_is_recorded(tmp_path):
    """Also over the status of an older attempt, but not over a result."""
    ended(tmp_path / "seed=0", 0)
    assert persistence.read_status(tmp_path / "seed=0").status == "failed"
    ended(tmp_path / "seed=1", -11, before=Status("interrupted", environment_steps=50, process_id=OLDER))
    status = persistence.read_status(tmp_path / "seed=1")
    assert (status.status, status.environment_steps) == ("failed", 50)
    assert status.message == "its process was killed by SIGSEGV"
    persistence.write_status(tmp_path / "seed=1", Status("diverged", process_id=OLDER))
    assert ended(tmp_path / "seed=1", -11).ending == "diverged"


def test_signs_of_life_after_the_last_word_change_nothing():
    """A worker closes its environments when it has said how it ends, and lives meanwhile."""
    teller = Teller(Assignment("run", "key", "topic", Settings(), {}), Surroundings("", lambda message: None, bool))
    for line in (b'{"ending": 3}', b"{}", b"no JSON", b'{"ending": "no status"}'):
        teller.hear(line)
    assert teller.ending == 3
