"""Calls of code that is not ours: what they leave behind, and what a fork in one leads to."""

import os
import signal
import subprocess
import sys

import pytest

from sparserl.calls import LONGEST_LINE, MAKING, PLAYING, ended_by, making, one_line

FORKED = """
import os, sys
from sparserl.calls import PLAYING
try:
    with PLAYING:
        forked = os.fork() == 0
        if forked and sys.argv[1] == "raises":
            raise SystemExit(5)
finally:
    print("came back", flush=True)
"""


def test_open_calls_and_those_that_came_back_are_counted():
    open_before, ended_before = PLAYING.num_open, PLAYING.num_ended
    with PLAYING, PLAYING:
        assert (PLAYING.num_open, PLAYING.num_ended) == (open_before + 2, ended_before)
    with pytest.raises(ValueError, match="inside"), PLAYING:
        raise ValueError("inside")
    assert (PLAYING.num_open, PLAYING.num_ended) == (open_before, ended_before + 3)


def test_the_standard_streams_are_afterwards_what_they_were():
    before = sys.stdout, sys.stderr
    for call in (PLAYING, making()):
        with call:
            sys.stdout, sys.stderr = None, None
        assert (sys.stdout, sys.stderr) == before


def test_what_others_say_is_one_line_of_bounded_length_even_where_saying_it_fails():
    class Speechless(Exception):
        def __str__(self):
            raise ValueError("no words")

    assert one_line(RuntimeError("the arm\n fell  off")) == "the arm fell off"
    assert one_line("x" * 10**6) == "x" * LONGEST_LINE + "..."
    assert one_line(Speechless()) == "(what it says of itself is lost: ValueError)"
    assert one_line(Speechless(), repr) == "Speechless()"
    assert ended_by(KeyboardInterrupt()) == "the environment ended the process: KeyboardInterrupt"


@pytest.mark.processes
@pytest.mark.parametrize("how", ["returns", "raises"])
def test_a_process_that_was_forked_in_a_call_ends_with_it(how):
    done = subprocess.run([sys.executable, "-c", FORKED, how], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "came back\n", "")


def test_what_makes_an_environment_changes_no_signal_and_no_file_mode():
    handler, mode = signal.getsignal(signal.SIGTERM), os.umask(0o027)
    try:
        with making():
            assert MAKING.num_open == 1
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.umask(0o777)
        assert signal.getsignal(signal.SIGTERM) == handler
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(mode)
        signal.signal(signal.SIGTERM, handler)


def test_the_end_of_a_process_is_told():
    assert ended_by(SystemExit(0)) == "the environment ended the process: SystemExit: 0"
