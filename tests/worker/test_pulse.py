"""Pulse: who comes on is alive, however little it says; who hangs is not, however busy it is."""

import pytest

from sparserl.calls import MAKING, PLAYING
from sparserl.worker import pulse
from sparserl.worker.pulse import Look, Pulse
from waiting import wait_until


@pytest.fixture
def started():
    watched = Pulse(hang_seconds=10.0)
    watched.beats(Look(0.0, 0, 0.0, 0))
    return watched


def test_every_call_that_comes_back_is_a_sign(started):
    with PLAYING:  # the next one
        assert started.beats(Look(9.0, 1, 0.0, 0))
        assert started.beats(Look(18.0, 2, 0.0, 0))


def test_a_step_that_does_not_come_back_gives_none_though_it_computes(started):
    with PLAYING:
        assert not started.beats(Look(1.0, 0, 1.0, 2**30))


def test_to_make_an_environment_may_take_three_times_as_long(started):
    with MAKING:
        assert started.beats(Look(1.0, 0, 0.0, 0))
        assert started.beats(Look(20.0, 0, 0.0, 0))  # the engine waits for ten more
        assert not started.beats(Look(21.5, 0, 20.0, 0))
        assert started.beats(Look(22.0, 1, 20.0, 0))  # the next one is made
        assert started.beats(Look(41.0, 1, 20.0, 0))


def test_our_own_work_lives_as_long_as_it_computes_or_writes(started):
    assert started.beats(Look(1.0, 0, 0.5, 0))  # compiles
    assert not started.beats(Look(2.0, 0, 0.501, 4096))  # the lease is renewed, and nothing else happens
    assert started.beats(Look(3.0, 0, 0.502, 4096 + 2**20))  # stores a checkpoint
    assert not started.beats(Look(4.0, 0, 0.503, 4096 + 2**20))


def test_a_thread_says_so():
    said = []
    pulse.beat(said.append, hang_seconds=0.1)
    wait_until(lambda: said)  # this thread computes
    assert set(said) == {"{}"}
