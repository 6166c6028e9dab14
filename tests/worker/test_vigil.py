"""Vigil: who is asked to stop stops in the time that is promised, whatever the main thread is deep in."""

import signal
import subprocess
import sys

import pytest

from sparserl.engine import desk
from sparserl.engine.settings import Settings
from sparserl.processes.outcomes import INTERRUPTED
from sparserl.worker import vigil
from waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.processes

DEEP = """
import sys
from sparserl.worker import vigil
vigil.STOP_SECONDS = 0.1
interrupt = vigil.Interrupt(lambda: print("late", interrupt.asked, flush=True))
print("ready", flush=True)
while True:
    pass
"""


def test_a_worker_that_cannot_come_to_an_end_ends_itself():
    process = subprocess.Popen([sys.executable, "-c", DEEP], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=PATIENCE_SECONDS)[0] == "late True\n"
    assert process.returncode == INTERRUPTED


def test_each_patience_fits_into_the_next():
    """What is promised is ten seconds from Ctrl-C to the end: for the worker, for who waits for it, and for all."""
    assert vigil.STOP_SECONDS < Settings().stop_seconds < desk.STOP_SECONDS <= 10.0
