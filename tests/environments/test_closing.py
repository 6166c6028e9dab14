"""Every environment that is made is closed, once; one that cannot be closed loses nothing but itself."""

import collections
import signal

import pytest

import counted_environments
from sparserl import environments
from sparserl.environments import FakeFeatures, HostEnvironment, InTurns, closing
from sparserl.types import UserError


@pytest.fixture
def lives():
    counted_environments.lives.clear()
    return counted_environments.lives


def counts(lives):
    return collections.Counter(what for what, _ in lives)


@pytest.mark.parametrize("make", [HostEnvironment, InTurns])
def test_all_are_closed_and_only_once(lives, make):
    made = make("counted_environments:Counted-v0", 30)
    assert counts(lives)["made"] == (30 if make is HostEnvironment else 10)
    environments.close(FakeFeatures(made, 0.5))
    environments.close(made)
    assert counts(lives)["closed"] == counts(lives)["made"]


def test_those_before_one_that_cannot_be_made_are_closed(lives):
    with pytest.raises(UserError, match="only one of them can listen on the port"):
        HostEnvironment("counted_environments:Fails-v0", 3)
    assert counts(lives) == {"made": 1, "closed": 1}


def test_one_whose_space_is_refused_is_closed(lives):
    with pytest.raises(UserError, match="Dict"):
        HostEnvironment("counted_environments:Refused-v0", 3)
    assert counts(lives) == {"made": 1, "closed": 1}


@pytest.mark.parametrize(
    ("name", "told"),
    [("CloseRaises", "OSError: nobody listens there any more"), ("CloseExits", "3"), ("CloseHangs", "longer than")],
)
def test_one_that_cannot_be_closed_is_told_of_and_the_others_are_closed(lives, caplog, monkeypatch, name, told):
    monkeypatch.setattr(closing, "CLOSE_SECONDS", 0.05)
    HostEnvironment(f"counted_environments:{name}-v0", 2).close()
    assert counts(lives) == {"made": 2, "closed": 2}
    assert [told in record.getMessage() for record in caplog.records] == [True, True]


def test_an_alarm_that_was_set_before_still_comes(lives, monkeypatch):
    rung = []
    usual = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 1000.0)
        HostEnvironment("counted_environments:Counted-v0", 1).close()
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 1000
        signal.raise_signal(signal.SIGALRM)
        assert rung == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, usual)
