"""Workers forked from a process that has imported all that they import: JAX takes half of the time of a short run.

Beside that each is what `python -m sparserl.worker` is: its arguments, variables, output and end are its own.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

UNDERSTOOD = {"SPARSERL_KILL_AT"}  # variables that are read when they are needed; others decide what is imported
_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["sparserl.worker.serving", "gymnasium"])  # neither asks for a device


def work(*words, **environment):
    """`python -m sparserl.worker WORDS` to its end, with these variables beside those of this process."""
    assert environment.keys() <= UNDERSTOOD
    with TemporaryDirectory() as folder:
        output = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _FORKING.Process(target=_be_worker, args=(words, {**os.environ, **environment}, output))
        process.start()
        process.join()
        status, said = process.exitcode, [path.read_text() for path in output]
        process.close()
    return subprocess.CompletedProcess(words, status, *said)


def _be_worker(words, environment, output):
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, path in enumerate(output, start=1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, descriptor)
        os.close(file)
    sys.argv = ["sparserl.worker", *words]
    runpy.run_module("sparserl.worker", run_name="__main__", alter_sys=True)
