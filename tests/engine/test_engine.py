"""The engine, with real processes: runs that fail leave the others alone, and are started again, but not for ever."""

import contextlib
import dataclasses
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine import fake_worker
from engine.fake_worker import plan, tries
from sparserl import engine, persistence
from sparserl.engine import children, cluster, execution
from sparserl.engine.assignments import Assignment, Surroundings
from sparserl.engine.retries import Failure, Retries
from sparserl.engine.settings import Settings
from sparserl.errors import UserError
from sparserl.processes.versions import versions
from waiting import PATIENCE_SECONDS, wait_until

pytestmark = pytest.mark.processes

SETTINGS = Settings(program=(fake_worker.HERE,), stop_seconds=60.0)
QUICK = Retries(first_seconds=0.05, factor=2.0, busy_seconds=0.1)


@pytest.fixture(scope="module")
def client():
    with cluster.connected(None, num_workers=2) as client:
        yield client


def work(client, folders, settings=SETTINGS, retries=QUICK, **more):
    """The outcomes by the names of experiments, and all that the engine told."""
    news = []
    outcomes = engine.run(client, folders, settings, retries, news.append, **more)
    assert [outcome.run_folder for outcome in outcomes] == folders
    return {outcome.run_folder.parent.name: outcome for outcome in outcomes}, news


def test_failures_of_every_kind_leave_the_others_alone(client, tmp_path):
    words = {
        "raises": ["raise"],
        "raises_anew": ["raise_anew"],
        "crashes": ["crash"],
        "recovers": ["crash", "raise", "raise_anew", "finish"],
        "diverges": ["diverge"],
        "is_wrong": ["wrong"],
        "finishes": ["finish"],
    }
    folders = [plan(tmp_path, name, *each) for name, each in words.items()]
    outcomes, news = work(client, folders)
    assert {name: outcome.ending for name, outcome in outcomes.items()} == {
        "raises": "failed",
        "raises_anew": "failed",
        "crashes": "failed",
        "recovers": "finished",
        "diverges": "diverged",
        "is_wrong": "wrong",
        "finishes": "finished",
    }
    assert {folder.parent.name: len(tries(folder)) for folder in folders} == {
        "raises": 2,  # the same exception at the same step: it would come a third time
        "raises_anew": 4,
        "crashes": 4,
        "recovers": 4,
        "diverges": 1,
        "is_wrong": 1,
        "finishes": 1,
    }
    assert outcomes["raises"].message == "ValueError: the arm fell off"
    assert outcomes["raises"].log == folders[0] / "log.txt"
    assert "the arm fell off" in outcomes["raises"].log.read_text()
    assert outcomes["crashes"].exit_status == -signal.SIGSEGV
    assert "SIGSEGV" in outcomes["crashes"].message
    crashed = persistence.read_status(folders[2])
    assert (crashed.status, crashed.message) == ("failed", outcomes["crashes"].message)
    delays = [each.delay_seconds for each in news if each.kind == "retry" and each.run_folder == folders[2]]
    assert delays == [0.05, 0.1, 0.2]
    assert len({each.run_folder for each in news if each.kind == "ended"}) == len(folders)


def test_a_run_that_says_nothing_is_stopped_and_started_again(client, tmp_path):
    """A machine that is slow enough may take others for silent, too, so they are tried as often as it takes."""
    folder = plan(tmp_path, "hangs", "hang", "finish")
    settings = Settings(program=SETTINGS.program, stop_seconds=0.3, hang_seconds=3.0)
    outcomes, news = work(client, [folder], settings, Retries(most=1_000, first_seconds=0.05, factor=1.0))
    assert outcomes["hangs"].ending == "finished"
    assert len(tries(folder)) >= 2
    hung = next(each.outcome for each in news if each.kind == "retry")
    assert hung.ending == "hung"
    assert "said nothing for 3 seconds" in hung.message


def test_failures_are_remembered_and_count_in_the_next_engine(client, tmp_path):
    folder, remembered = plan(tmp_path, "crashes", "crash"), []
    outcomes, _ = work(client, [folder], remember=lambda run, failures: remembered.append((run, failures)))
    assert [len(failures) for _, failures in remembered] == [1, 2, 3, 4]
    assert remembered[-1][1][-1] == Failure(outcomes["crashes"].message, 1, -signal.SIGSEGV, outcomes["crashes"].worker)
    before = {folder: remembered[2][1]}
    work(client, [folder], failures=before)
    assert len(tries(folder)) == 5


def test_a_retry_goes_to_another_dask_worker(client, tmp_path):
    folder, failures = plan(tmp_path, "anew", "raise_anew"), []
    work(client, [folder], remember=lambda run, found: failures.append(found[-1]))
    assert len(failures) == 4
    assert failures[0].worker != failures[1].worker


def test_a_run_of_another_process_is_waited_for(client, tmp_path):
    folders = [plan(tmp_path, "held", "busy", "finish"), plan(tmp_path, "taken", "lost", "finish")]
    holders = [persistence.claim(folder) for folder in folders]
    for folder in folders:
        persistence.write_status(folder, persistence.Status("running"))
    waiting, tried = set(), []

    def let_go():
        """Later than the engine has looked again: nobody has touched the runs meanwhile."""
        tried.extend(len(tries(folder)) for folder in folders)
        for holder in holders:
            holder.release()

    def tell(each):
        news.append(each)
        if each.kind == "wait" and each.run_folder not in waiting:
            waiting.add(each.run_folder)
            if waiting == set(folders):
                threading.Timer(10 * QUICK.busy_seconds, let_go).start()

    news = []
    outcomes = engine.run(client, folders, SETTINGS, QUICK, tell)
    assert {outcome.ending for outcome in outcomes} == {"finished"}
    assert tried == [1, 1]
    assert [len(tries(folder)) for folder in folders] == [2, 2]
    assert "retry" not in {each.kind for each in news}


def test_a_worker_that_somebody_else_stops_goes_on(client, tmp_path):
    """As a scheduler of machines does that needs one: no failure, as long as the run comes on."""
    folder, failed = plan(tmp_path, "moved", "work"), []

    def tell(news):
        if (
            news.kind == "progress"
            and len(tries(folder)) < 3
            and news.progress.environment_steps > 1000 * len(tries(folder))
        ):
            with contextlib.suppress(ProcessLookupError):  # what it said last may come when it has ended
                os.kill(tries(folder)[-1], signal.SIGTERM)
        elif len(tries(folder)) == 3:
            (folder / "go").touch()

    settings = dataclasses.replace(SETTINGS, steady_seconds=1e-9)
    (outcome,) = engine.run(
        client, [folder], settings, QUICK, tell, remember=lambda run, failures: failed.append(failures)
    )
    assert outcome.ending == "finished"
    assert len(tries(folder)) == 3
    assert not failed


def test_a_run_whose_process_the_engine_has_killed_has_not_failed(tmp_path):
    """As a second Ctrl-C does, before the thread that listens to the process has looked whether it should stop."""
    folder = plan(tmp_path, "a", "work")
    around = Surroundings("inproc://here", lambda message: None, lambda: False)
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(execution.work, Assignment(str(folder), "key", "topic", SETTINGS, versions()), around)
        wait_until(lambda: persistence.read_status(folder) is not None)
        children.kill_all()
        assert outcome.result(PATIENCE_SECONDS).ending == "interrupted"
    assert persistence.read_status(folder).status == "interrupted"
    assert not children._KILLED


def test_results_directory_that_a_worker_does_not_see(client, tmp_path):
    outcomes, _ = work(client, [tmp_path / "nowhere" / "seed=0"])
    assert "does not see" in outcomes["nowhere"].message


def test_bad_settings():
    with pytest.raises(UserError, match="hang_seconds is 0"):
        Settings(hang_seconds=0)
    with pytest.raises(UserError, match="memory_limit_bytes is 0"):
        Settings(memory_limit_bytes=0)
