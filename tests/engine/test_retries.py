"""What follows the end of a worker, and what is remembered of failures."""

import json
from pathlib import Path

import pytest

from sparserl import persistence
from sparserl.engine.failures import read_failures, write_failures
from sparserl.engine.retries import Failure, Next, Retries, after, failure_of, gives_up, lasting
from sparserl.errors import UserError
from sparserl.processes.outcomes import ENDINGS, FINISHED, NO_ROOM, Outcome, last_line, parse_last

RETRIES = Retries(most=3, first_seconds=2.0, factor=4.0, busy_seconds=5.0)
KILLED = Failure("its process was killed by SIGKILL", 100, -9, "tcp://a")


def outcome(ending, exit_status, message="", steps=0):
    return Outcome(Path("run"), ending, exit_status, message, steps)


def test_results_and_wrong_requests_are_over():
    for ending, exit_status in (("finished", 0), ("diverged", 3)):
        assert after(outcome(ending, exit_status), (), RETRIES) == Next("over")
    wrong = outcome("wrong", 2)
    assert after(wrong, (failure_of(wrong),), RETRIES) == Next("over")
    assert gives_up((failure_of(wrong),), RETRIES)


def test_delays_grow_until_a_run_is_given_up():
    killed = outcome("failed", -9)
    assert [after(killed, (KILLED,) * count, RETRIES) for count in (1, 2, 3, 4)] == [
        Next("retry", 2.0),
        Next("retry", 8.0),
        Next("retry", 32.0),
        Next("over"),
    ]
    assert after(killed, (KILLED,), Retries(most=0)) == Next("over")


def test_what_another_process_has_is_waited_for_as_long_as_it_takes():
    for ending in ("busy", "lost"):
        assert after(outcome(ending, None), (KILLED,) * 9, RETRIES) == Next("wait", 5.0)


def test_an_exception_that_repeats_at_the_same_step_is_given_up_a_kill_is_not():
    broken = Failure("ValueError: the arm fell off", 100, 1, "tcp://a")
    assert gives_up((broken, broken._replace(worker="tcp://b")), RETRIES)
    assert not gives_up((broken, broken._replace(environment_steps=200)), RETRIES)
    assert not gives_up((broken, KILLED, broken), RETRIES)
    assert not gives_up((KILLED, KILLED), RETRIES)
    assert not gives_up((), RETRIES)


def test_a_full_disk_is_tried_again_and_forgotten_by_the_next_engine():
    full = Failure("cannot write results: No space left on device", 100, NO_ROOM, "tcp://a")
    assert not gives_up((full,) * RETRIES.most, RETRIES)  # at the same step, each time
    assert gives_up((full,) * (RETRIES.most + 1), RETRIES)
    assert lasting((full, KILLED, full)) == (KILLED,)


def test_the_last_line_of_a_worker():
    assert [parse_last(json.loads(last_line(status))) for status in ENDINGS] == list(ENDINGS)
    for other in ({}, {"ending": 77}, {"ending": "0"}, {"environment_steps": FINISHED}):
        assert parse_last(other) is None


def test_failures_on_disk(tmp_path):
    assert read_failures(tmp_path) == {}
    found = {"a/seed=0": (KILLED, KILLED), "b/seed=1": (Failure("", 0, None, ""),)}
    write_failures(tmp_path, found)
    assert read_failures(tmp_path) == found
    persistence.write_document(tmp_path / "failures.json", {"runs": {"a/seed=0": [{"cause": "?"}]}})
    with pytest.raises(UserError, match=r"failures\.json is from another version"):
        read_failures(tmp_path)


def test_bad_retries():
    with pytest.raises(UserError, match="most is -1"):
        Retries(most=-1)
