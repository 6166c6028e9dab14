"""A worker that cannot end by itself gives its runs back, and then does what is left to do, in little time."""

import threading

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
