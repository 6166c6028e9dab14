"""Where a run stops to tell: at what is due, in between as often as asked, and for an observer without a word."""

import pytest

from sparserl.experiment import stops
from sparserl.experiment.stops import Stops

pytestmark = pytest.mark.slow


def told(stops_of, begin, due, observed, chunk_steps, update_steps=1):
    """The steps at which a run tells and those at which it only stops, whose updates take `update_steps` steps each."""
    places = stops_of(begin, due, observed, chunk_steps)
    tells, silent, num_steps = [], [], begin
    for stop in places.each():
        if stop <= num_steps:
            continue
        num_steps = -(-stop // update_steps) * update_steps
        (tells if places.reached(num_steps) else silent).append(num_steps)
    return tells, silent


@pytest.mark.parametrize("begin", [0, 130])
def test_multiples_and_what_is_due(begin):
    tells, silent = told(Stops, begin, [150, 300, 400], [], 100)
    assert tells == [step for step in (100, 150, 200, 300, 400) if step > begin]
    assert silent == []


def test_an_observer_is_not_told_of():
    tells, silent = told(Stops, 0, [300], [40, 120, 300, 999], 100)
    assert tells == [100, 200, 300]
    assert silent == [40, 120]


def test_updates_of_many_steps_round_up():
    tells, silent = told(Stops, 0, [150, 300], [70], 100, update_steps=64)
    assert tells == [128, 192, 256, 320]
    assert silent == []  # the observer's step and the first multiple are in one update


def test_chunks_that_last_a_second(monkeypatch):
    """A run of 5,000 steps a second: chunks grow, at most by a factor of two, until they take a second each."""
    now = [0.0]
    monkeypatch.setattr(stops.time, "monotonic", lambda: now[0])
    places = Stops(0, [100_000], [], None)
    lengths, before = [], 0
    for stop in places.each():
        now[0] += (stop - before) / 5_000
        lengths.append(stop - before)
        before = stop
        assert places.reached(stop)
    assert lengths[:6] == [100, 200, 400, 800, 1600, 3200]
    assert lengths[6:-1] == pytest.approx([5000] * (len(lengths) - 7), abs=2)
    assert sum(lengths) == 100_000
