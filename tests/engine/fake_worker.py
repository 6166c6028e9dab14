"""A worker without JAX, so that tests can start many: what it does stands in its run's folder, one word for each try.

`tries.txt` there has a line for each process that has worked on the run: its number and the processor it was given.
"""

import argparse
import ctypes
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from sparserl import persistence
from sparserl.processes.outcomes import BUSY, DIVERGED, FAILED, FINISHED, INTERRUPTED, LOST, WRONG, last_line

HERE = str(Path(__file__).resolve())


def plan(directory, name, *words, seed=0):
    """The folder of a run whose workers do these things, one after the other, and the last one ever after."""
    persistence.plan_experiment(directory, name, {"choices": {"name": name}})
    folder = persistence.RunId(name, seed).folder(directory).absolute()
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps(words or ["finish"]))
    return folder


def tries(folder):
    """The process ids of all workers that a run has had."""
    path = folder / "tries.txt"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run_folder", type=Path)
    parser.add_argument("--core", type=int)
    parser.add_argument("--parent", type=int)
    parser.add_argument("--hang-seconds", type=float)
    parser.add_argument("--observation-noise", type=lambda text: [float(word) for word in text.split(",")])
    parser.add_argument("--lease-seconds", type=float, default=persistence.LEASE_SECONDS)
    options = parser.parse_args()
    folder = options.run_folder
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG, as the worker does
    if os.getppid() != options.parent:
        return INTERRUPTED
    status = persistence.read_status(folder)
    if status is not None and status.status == "finished" and not options.observation_noise:
        return FINISHED
    words = json.loads((folder / "plan.json").read_text())
    with (folder / "tries.txt").open("a") as file:
        file.write(f"{os.getpid()}\n")
    word = words[min(len(tries(folder)), len(words)) - 1]
    if word in ("busy", "lost"):
        return {"busy": BUSY, "lost": LOST}[word]
    try:
        attempt = persistence.claim(folder, options.lease_seconds)
    except persistence.Busy:
        return BUSY
    threading.Thread(target=renew, args=(attempt, options.lease_seconds / 5), daemon=True).start()
    try:
        if options.observation_noise:
            return evaluate(attempt, word, options.observation_noise)
        write(folder, "running", 1)
        tell(1)
        return globals()[f"_{word}"](folder)
    finally:
        attempt.release()


def evaluate(attempt, word, deviations):
    """Evaluate a run under noise; the first deviation only, then crash, or say that it was done though it was not."""
    folder, run = attempt.run_folder, persistence.RunId.of(attempt.run_folder)
    what = {"experiment_id": run.experiment, "agent": "dqn", "method": "set", "environment": "Pong", "sparsity": 0.9}
    numbers = {"mean_return": 1.0, "standard_deviation": 0.0, "num_episodes": 1}
    done = persistence.noise_rows(folder)
    for deviation in persistence.missing_noise(folder, deviations):
        done.append({**what, "seed": run.seed, "observation_noise": deviation, **numbers})
        persistence.write_noise(folder, done, attempt.scratch)
        if word == "crash":
            _crash(folder)
        if word == "pretend":
            break
    return FINISHED


def renew(attempt, seconds):
    try:
        while True:
            time.sleep(seconds)
            attempt.renew()
    except persistence.Superseded:
        os.write(1, f"{last_line(LOST)}\n".encode())
        os._exit(LOST)


def write(folder, status, steps=0, message=""):
    persistence.write_status(folder, persistence.Status(status, steps, message))


def tell(steps):
    rest = {"environment_steps_per_second": None, "last_return": None, "live_density": 1.0, "evaluation_return": None}
    print(json.dumps({"environment_steps": steps, **rest}), flush=True)


def fail(folder, message, steps=0):
    write(folder, "failed", steps, message)
    print(f"Traceback of nothing\nsparserl: {message}", file=sys.stderr)
    return FAILED


def _finish(folder):
    (folder / "checkpoint").mkdir(exist_ok=True)
    write(folder, "finished", 300)
    return FINISHED


def _raise(folder):
    return fail(folder, "ValueError: the arm fell off", 250)


def _raise_anew(folder):
    return fail(folder, f"OSError: attempt {len(tries(folder))} of a flaky disk")


def _crash(folder):
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


def _diverge(folder):
    write(folder, "diverged", 200, "the loss is not finite")
    return DIVERGED


def _wrong(folder):
    write(folder, "failed", 0, "experiment.json was edited")
    print("sparserl: experiment.json was edited", file=sys.stderr)
    return WRONG


def _hang(folder):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)


def _work(folder):
    """Come on until somebody writes the file `go`, and heed SIGTERM."""
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        steps = 1000 * len(tries(folder))  # beyond any that the try before came to
        while not (folder / "go").exists():
            time.sleep(0.05)
            steps += 1
            tell(steps)
    except KeyboardInterrupt:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        write(folder, "interrupted", steps, "stopped by the user")
        return INTERRUPTED
    return _finish(folder)


if __name__ == "__main__":
    exit_status = main()
    print(last_line(exit_status), flush=True)
    sys.exit(exit_status)
