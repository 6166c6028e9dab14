"""A Dask cluster of separate processes, each worker with a scratch folder of its own, as over several machines."""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent.parent


class Cluster(NamedTuple):
    """Where the scheduler listens, its process, and those of the workers, one thread each."""

    address: str
    scheduler: subprocess.Popen
    workers: list[subprocess.Popen]


@contextmanager
def running(folder, num_workers, **environment):
    """A scheduler and workers that end with the block."""
    folder.mkdir(parents=True)
    card = folder / "scheduler.json"
    quiet, here = ["--no-dashboard"], ["--port", "0", "--host", "127.0.0.1"]
    scheduler = _start("dask_scheduler", [*here, "--scheduler-file", card, *quiet], environment)
    processes = [scheduler]
    try:
        while not card.exists():
            assert scheduler.poll() is None
            time.sleep(0.05)
        for number in range(num_workers):
            scratch = ["--local-directory", folder / f"scratch-{number}", "--nthreads", "1", "--no-nanny"]
            processes.append(_start("dask_worker", ["--scheduler-file", card, *scratch, *quiet], environment))
        yield Cluster(json.loads(card.read_text())["address"], scheduler, processes[1:])
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _start(module, words, environment):
    path = os.pathsep.join([str(TESTS), *filter(None, sys.path)])
    command = [sys.executable, "-m", f"distributed.cli.{module}", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": path, **environment}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
