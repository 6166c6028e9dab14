"""A command whose environment ends the process, or that is stopped while it starts: told, and never taken for done."""

import os
import subprocess
import sys

import pytest

from waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.processes

# The command, and in it Ctrl-C when this module is imported first: our own, JAX's, and Dask's, as the engine starts.
STOPPED = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
command, moment = os.getpid(), sys.argv.pop(1)

class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            os.kill(command, signal.SIGINT)
            time.sleep(3600)

sys.meta_path.insert(0, Hook())
from sparserl.__main__ import main
sys.exit(main())
"""


def run(*command):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=PATIENCE_SECONDS,
    )


def test_an_environment_that_ends_the_process_when_it_is_made():
    """With the exit status of a run that has diverged."""
    done = run("-m", "sparserl", "describe", "dqn", "static", "--environment", "broken_environments:EndsWhenMade-v0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "sparserl: the environment ended the process: exit status 3\n"


def test_an_environment_that_hangs_in_c_for_as_long_as_it_may():
    """Where no thread of the command gets its turn its parent ends it, after three times what a step may take."""
    words = ["dqn", "static", "--environment", "broken_environments:HangsInC-v0", "--hang-seconds=0.4"]
    done = run("-m", "sparserl", "describe", *words)
    assert (done.returncode, done.stdout) == (1, "")
    hangs = "the environment hangs: for 2 seconds nothing else could go on in its process"
    assert done.stderr == f"sparserl: {hangs}\n"


@pytest.mark.parametrize("moment", ["sparserl.modules", "tyro", "distributed"])
def test_ctrl_c_while_a_command_starts(moment, tmp_path):
    words = ["train", "dqn", "static", "--environment", "CartPole-v1", "--output", str(tmp_path)]
    done = run("-c", STOPPED, moment, *words)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.splitlines()[-1] == "sparserl: interrupted; the same command goes on"
    assert "Traceback" not in done.stderr
