"""The queue of an engine: turns are kept, and what is put off comes back when its time has come, and only then."""

from pathlib import Path

from sparserl.engine.queueing import Queue

FIRST, SECOND, THIRD = map(Path, ("a", "b", "c"))
LONG = 10_000.0


def test_turns_are_in_order_and_what_is_taken_up_is_next():
    queue = Queue([FIRST, SECOND, THIRD])
    assert queue.pop() == FIRST
    queue.busy.add(FIRST)
    queue.take_up(FIRST)
    assert (queue.busy, queue.pop(), queue.pop(), queue.pop()) == (set(), FIRST, SECOND, THIRD)
    assert not queue.is_ready
    assert not queue


def test_what_is_put_off_waits_for_its_time():
    queue = Queue([FIRST])
    assert queue.seconds_to_next(1.0) == 1.0
    queue.put_off(SECOND, LONG)
    assert (queue.seconds_to_next(1.0), list(queue.due())) == (1.0, [])
    queue.put_off(THIRD, 0.0)
    assert (queue.seconds_to_next(1.0), list(queue.due()), list(queue.due())) == (0.0, [THIRD], [])
    assert queue.pop() == FIRST
    assert queue  # of what waits
    assert not queue.is_ready


def test_a_run_that_is_put_off_again_while_it_is_looked_at_is_not_seen_twice():
    queue = Queue([])
    queue.put_off(FIRST, 0.0)
    for folder in queue.due():
        queue.put_off(folder, LONG)
    assert queue
    assert not queue.is_ready
