"""Signals that come while a compiled program runs wait for its end, and those that interrupt bring it near."""

import signal

import pytest

from sparserl.training.hosted import _deferred


@pytest.mark.parametrize("interrupts", [True, False])
def test_a_sigterm_that_is_another_ctrl_c_interrupts(interrupts):
    noted, heard = [], []
    handler = signal.default_int_handler if interrupts else lambda number, frame: heard.append(number)
    usual = signal.signal(signal.SIGTERM, handler)
    try:
        if interrupts:
            with pytest.raises(KeyboardInterrupt), _deferred(lambda: noted.append(True)):
                signal.raise_signal(signal.SIGTERM)
        else:
            with _deferred(lambda: noted.append(True)):
                signal.raise_signal(signal.SIGTERM)
                assert heard == []
    finally:
        signal.signal(signal.SIGTERM, usual)
    assert (noted, heard) == (([True], []) if interrupts else ([], [signal.SIGTERM]))
