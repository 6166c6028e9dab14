"""How busy the engine keeps a machine: a study of 40 short runs, and what all its processes computed meanwhile.

    python benchmarks/engine.py DIR

The part of the time that the cores were busy is the processor time of the engine and all its workers over the wall
time, times the number of cores that they may use; starting up, compiling and stopping included.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

STUDY = '''
"""Forty runs of DQN, dense and sparse, that take about ten seconds each."""
from sparserl.study import Study
from sparserl.study.grids import grid

def study(scale):
    choices = {"methods": ("static", "rigl"), "sparsities": (0.9,), "environments": ("CartPole-v1",)}
    experiments = grid("dqn", **choices, total_steps=12_000)
    return Study("forty_runs", "Does the engine keep all cores busy?", experiments, num_seeds=10)
'''


def main(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "forty_runs.py"
    file.write_text(STUDY)
    words = ["study", "run", str(file), "--scale", "smoke", "--output", str(directory / "results"), "--json"]
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "sparserl", *words], check=True, stdout=subprocess.PIPE)
    wall = time.monotonic() - began
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cores = len(os.sched_getaffinity(0))
    busy = (used.ru_utime + used.ru_stime) / (wall * cores)
    print(json.loads(done.stdout)["counts"])
    print(f"{wall:.1f} s on {cores} cores, {used.ru_utime + used.ru_stime:.1f} s of processor time: {busy:.1%} busy")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
