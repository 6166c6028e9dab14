"""A study of many runs costs its engine no more than one of few: memory, files and threads stay what they were."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes

PROGRAM = """
import json, time
from pathlib import Path
import psutil
from sparserl import engine
from sparserl.engine import cluster
from sparserl.engine.settings import Settings
from sparserl.processes.outcomes import Outcome
from sparserl.engine.retries import Retries

def work(request):
    from distributed import get_worker
    worker = get_worker()
    worker.log_event(request.topic, {"kind": "started", "key": request.key, "worker": worker.address})
    return Outcome(Path(request.run_folder), "finished", 0, "", 300, worker.address)

def run(count, usual=None):
    folders = [Path(f"/nowhere/e{number}/seed=0") for number in range(count)]
    outcomes = engine.run(client, folders, Settings(), Retries(), news.append, execute=work)
    assert [outcome.run_folder for outcome in outcomes] == folders
    told = sum(each.kind == "ended" for each in news), sum(each.kind == "started" for each in news)
    news.clear()
    process = psutil.Process()
    counted = lambda: (process.num_fds(), process.num_threads())
    patience = 3_000
    while usual and counted() != usual and patience:  # who is about to end may do so
        time.sleep(0.1)
        patience -= 1
    return *told, process.memory_info().rss, *counted()

news = []
with cluster.connected(None, num_workers=2) as client:
    first = run(1000)
    print(json.dumps([first, run(1000, first[3:])]))
"""


def test_a_thousand_runs_more():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert first[:2] == [1000, 1000]
    assert second[:2] == [1000, 1000]
    assert second[2] - first[2] < 4 * 2**20  # bytes
    assert second[3:] == first[3:]
