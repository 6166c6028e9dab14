"""Supervision: whatever ends a command is told, and a signal ends it at any point, in good order where it minds."""

import os
import signal
import subprocess
import sys

import pytest

from sparserl.processes import signals, supervision
from waiting import PATIENCE_SECONDS, is_gone, wait_until

pytestmark = pytest.mark.processes

# What a command does, and what it tells when something else ends it.
COMMAND = """
import ctypes, os, signal, sys, threading, time
from sparserl.processes import supervision
from sparserl.processes.signals import interrupts
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
asked, command, supervision.END_SECONDS, supervision._LOOK_SECONDS = [], os.getpid(), 1, 0.05

def send(number=signal.SIGINT):
    os.kill(command, number)
    time.sleep(3600)

def mind():
    with interrupts(lambda: asked.append(1)):
        os.kill(command, signal.SIGINT)
        while not asked:
            time.sleep(0.01)
    print("in good order", flush=True)
    return 130

def press():
    with interrupts(lambda: None):
        os.kill(command, signal.SIGINT)
        time.sleep(0.2)
        send()

def everywhere(times):
    came = []
    with interrupts(lambda: asked.append(1)):
        heed = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, lambda *words: (came.append(1), heed(*words)))
        for number, process in enumerate((os.getpid(), command) * times, 1):
            os.kill(process, signal.SIGTERM)
            while len(came) < number:
                time.sleep(0.01)
    print("in good order", len(asked), flush=True)
    return 130

def clean_up():
    from sparserl.cli.evaluate import heeded
    try:
        with heeded():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(3600)
    except KeyboardInterrupt:
        os.kill(command, signal.SIGTERM)  # the same signal, which comes to the command later
        while not supervision.passed_on():
            time.sleep(0.01)
        print("in good order", flush=True)
        return 130

def raises(error):
    raise error

def hang():
    supervision.show_life(0.1)  # then in C, where neither another thread nor a signal gets a turn
    mutex, threads = (ctypes.c_char * 64)(), ctypes.PyDLL(None)
    while True:
        threads.pthread_mutex_lock(mutex)

def noted():
    supervision.note(0)
    os._exit(7)

def late():
    mind()
    send()

print(supervision.supervised(lambda: {work}, lambda cause, was_asked: cause if not was_asked else "asked"))
"""


def told(work):
    """The last line of a command that does this: its exit status, or what it says of whatever ended it."""
    program = [sys.executable, "-c", COMMAND.replace("{work}", work)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)
    assert done.stderr == "", done.stderr
    return done.stdout.splitlines()


ENDED = "the environment ended the process: exit status "


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        ("7", ["7"]),
        ("os._exit(0)", [f"{ENDED}0"]),
        ("os._exit(2)", [f"{ENDED}2"]),
        ("os._exit(130)", [f"{ENDED}130"]),
        ("ctypes.CDLL(None).exit(0)", [f"{ENDED}0"]),
        ("raises(KeyboardInterrupt())", [f"{ENDED}130"]),
        ("threading.Thread(target=os._exit, args=(0,)).start() or time.sleep(3600)", [f"{ENDED}0"]),
        ("(os.closerange(3, 99), 0)[1]", ["0"]),
        ("os.kill(os.getpid(), 11)", ["the process was killed by SIGSEGV"]),
        ("os.kill(os.getpid(), 9)", ["the process was killed by SIGKILL, for lack of memory perhaps"]),
        ("threading.Thread(target=time.sleep, args=(3600,)).start() or 0", ["0"]),
        ("send()", ["asked"]),
        ("send(signal.SIGTERM)", ["asked"]),
        ("send(signal.SIGHUP)", ["asked"]),
        ("mind()", ["in good order", "130"]),
        ("press()", ["asked"]),
        ("everywhere(1)", ["in good order 1", "130"]),
        ("everywhere(2)", ["asked"]),
        ("clean_up()", ["in good order", "130"]),
        ("late()", ["in good order", "asked"]),
        ("noted()", ["0"]),
        ("(print(3, flush=True), setattr(sys, 'stdout', None), 0)[2]", ["3", "0"]),
        ("hang()", ["the environment hangs: for 1 seconds nothing else could go on in its process"]),
    ],
)
def test_what_ends_a_command_is_told(work, expected):
    assert told(work) == expected


def test_a_signal_is_counted_once_in_whichever_order_it_comes_both_ways(monkeypatch):
    passed, presses = [0], []
    monkeypatch.setattr(signals, "passed_on", lambda: passed[0])
    handle = signals.each_press(presses.append)
    comes = lambda: handle(signal.SIGTERM, None)

    def is_passed_on():
        passed[0] += 1

    for step in (comes, is_passed_on, comes):  # by itself first
        step()
    assert presses == [1]
    for step in (is_passed_on, comes, comes):  # passed on first, or both at once
        step()
    assert presses == [1, 2]
    for step in (comes, comes, comes):  # to this process alone, as nothing else is passed on
        step()
    assert presses == [1, 2, 3, 4, 5]


def test_without_a_parent_nothing_is_passed_on():
    with supervision.minding():
        assert not supervision.is_supervised()
        assert supervision.command_process() == os.getpid()


def test_who_kills_the_command_kills_what_does_it():
    program = COMMAND.replace("{work}", "(print(os.getpid(), flush=True), time.sleep(3600))")
    command = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    worker = int(command.stdout.readline())
    os.kill(command.pid, signal.SIGKILL)
    command.stdout.read()  # its end is the worker's, who holds it, too
    command.wait()
    command.stdout.close()
    wait_until(lambda: is_gone(worker))
