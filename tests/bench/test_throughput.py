"""The throughput beside other libraries: processes that settle late are waited for, and one that breaks ends all."""

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

# Trains nothing: a step takes a millisecond, and the first of the process whose seed is 1 comes late.
WORKER = """
import sys, time
sys.path.insert(0, sys.argv.pop(1))
import throughput_worker as worker

def train(task, environment, seed, sparsity, mark):
    if environment == "broken":
        raise SystemExit("it broke")
    time.sleep(seed)
    print("a word that is no result")
    steps = 100
    while mark(steps):
        time.sleep(0.001)
        steps += 100

worker.PROJECTS["sparserl"] = train
worker.main()
"""


@pytest.fixture(scope="module")
def throughput():
    specification = importlib.util.spec_from_file_location("throughput", BENCHMARKS / "throughput.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def started(seed, environment="CartPole-v1"):
    words = ["sparserl", "dqn", environment, "--seed", str(seed), "--settle-steps", "500", "--seconds", "0.2"]
    command = [sys.executable, "-c", WORKER, str(BENCHMARKS), *words]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


@pytest.mark.processes
def test_a_process_that_settles_late_is_waited_for(throughput, monkeypatch):
    options = argparse.Namespace(task="dqn")
    monkeypatch.setattr(throughput, "_start", lambda candidate, python, options, seed, core: started(seed))
    monkeypatch.setattr(throughput.os, "sched_getaffinity", lambda process: {0, 1})
    early, late = throughput.measure(throughput.CANDIDATES[-1], "python", options)
    settled = next(seconds for seconds, steps in late if steps >= 500)
    assert early[-1][0] - settled >= 0.2
    assert throughput.throughput([early, late], 500, 0.2) > 0


@pytest.mark.processes
def test_a_process_that_breaks_ends_all(throughput):
    processes = [started(0), started(0, "broken")]
    assert throughput.side_by_side(processes) is None
    assert all(process.returncode is not None for process in processes)
