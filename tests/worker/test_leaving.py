"""A worker that cannot end by itself gives its runs back, and then does what is left to do, in little time."""

import os
import threading
from contextlib import ExitStack
from types import SimpleNamespace

from sparserl.worker import work
from sparserl.worker.holding import Hold


def test_environments_are_closed_when_all_is_given_back():
    hold, left = Hold([], 30.0, lambda: None), []
    hold.leave = lambda: left.append(True)
    hold.give_back("interrupted", "stopped before its next checkpoint")
    assert left == [True]


def test_a_close_that_hangs_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(work, "LEAVE_SECONDS", 0.01)
    never, began = threading.Event(), threading.Event()
    work._aside(lambda: (began.set(), never.wait()))
    assert began.wait(60)
    never.set()


def test_the_ending_is_told_before_environments_are_closed_for_no_longer_than_a_limit(monkeypatch):
    """Code in C hears no signal: a thread of faulthandler's ends the process."""
    done = []
    monkeypatch.setattr(work.faulthandler, "dump_traceback_later", lambda seconds, exit: done.append((seconds, exit)))
    monkeypatch.setattr(work.faulthandler, "cancel_dump_traceback_later", lambda: done.append("cancelled"))
    hold = SimpleNamespace(release=lambda: done.append("released"))
    mask = os.umask(0o077)
    try:
        doing = work.Work(None, hold, SimpleNamespace(announce=done.append), None)
        doing._attempt, doing._environments = lambda: 3, ExitStack()
        doing._environments.callback(done.append, "closed")
        assert doing.attempt() == 3
    finally:
        os.umask(mask)
    assert done == ["released", 3, "released", (work.CLOSE_SECONDS, True), "closed", "cancelled"]
