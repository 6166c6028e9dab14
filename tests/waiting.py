"""Waiting for other processes without a claim about their speed: patience ends only where something hangs."""

import time

import psutil

PATIENCE_SECONDS = 300  # far more than anything needs on a busy machine

# A child of tests that run in the background would ignore Ctrl-C as they do. Said in a process of its own, as
# `preexec_fn` forks this one, whose jax has threads.
HEED_INTERRUPTS = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""


def wait_until(condition):
    """Return once `condition()` holds; fail where it never does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def is_gone(process_id):
    """Whether a process has ended; its number may live on until its parent asks how."""
    try:
        return psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
