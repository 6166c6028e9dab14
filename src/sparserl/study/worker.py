"""The worker: `python -m sparserl.study.worker RUN_FOLDER` trains one seed of one experiment in this process.

It reads `experiment.json` beside the run's folder and, where there is one, `request.json` in it, writes only inside
that folder, and tells its progress as JSON lines on standard output. A finished run is left as it is; any other starts
anew. Exit status 0: finished; 1: failed; 2: the request was wrong; 130: interrupted.
"""

import os

os.environ["NPROC"] = "1"  # one XLA thread, so that bits do not depend on the machine's cores; before jax is imported
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import ctypes
import fcntl
import json
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import IO, Any

from sparserl import persistence
from sparserl.experiment import Experiment, Report, RunFailure, policy_arrays, run
from sparserl.study.compilation import use_compilation_cache
from sparserl.types import UserError

DIE_WITH_PARENT = 1  # Linux: PR_SET_PDEATHSIG
FINISHED, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130


class Interrupt:
    """Turns SIGTERM into KeyboardInterrupt, and remembers it: Python drops what is raised inside a finalizer."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, signal_number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough, and what follows must be stored
        self.asked = True
        raise KeyboardInterrupt


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sparserl.study.worker", description=__doc__)
    parser.add_argument("run_folder", type=Path)
    parser.add_argument("--core", type=int, help="run on this processor only")
    parser.add_argument("--parent", type=int, help="end when the process of this number ends (Linux)")
    options = parser.parse_args()
    folder = options.run_folder
    folder.mkdir(parents=True, exist_ok=True)
    channel = _own_output()
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _say(f"{folder} is being trained by another process: wait for it, or stop it", WRONG)
        return _train(folder, options.core, options.parent, channel)


def _train(folder: Path, core: int | None, parent: int | None, channel: IO[str]) -> int:
    interrupt = Interrupt()
    try:
        signal.signal(signal.SIGTERM, interrupt)
        _bind(core, parent)
        experiment = Experiment.from_choices(persistence.read_experiment(folder.parent)["choices"])
        status = persistence.read_status(folder)
        if status is not None and status.status == "finished" and persistence.has_bundle(folder / "checkpoint"):
            return FINISHED
        use_compilation_cache()
        store_run(experiment, int(folder.name.removeprefix("seed=")), folder, channel, interrupt)
        return FINISHED
    except UserError as error:
        return _stop(folder, "failed", str(error), WRONG)
    except RunFailure as error:
        return _stop(folder, "failed", str(error), FAILED)
    except (KeyboardInterrupt, BrokenPipeError):  # a broken pipe: nobody listens any more
        return _stop(folder, "interrupted", "stopped by the user", INTERRUPTED)
    except Exception as error:
        traceback.print_exc()
        return _stop(folder, "failed", f"{type(error).__name__}: {error}".splitlines()[0], FAILED)


def store_run(experiment: Experiment, seed: int, folder: Path, channel: IO[str], interrupt: Interrupt) -> None:
    """Train, and keep in `folder` every evaluation as it comes, the status, and at the end the policy.

    Diagnostics are kept where the folder's request asks for them; what a start before this one left of them goes.
    """
    persistence.sweep_partial(folder)
    rows: list[dict[str, Any]] = []
    diagnosed: list[dict[str, Any]] = []
    diagnostics = persistence.read_request(folder).diagnostics
    if not diagnostics:
        persistence.drop_diagnostics(folder)
    clock = _Clock()
    status = persistence.write_status(folder, persistence.Status("running"))
    for report in run(experiment, seed, diagnostics=diagnostics):
        if report.evaluation is not None:
            rows.append(report.evaluation)
            persistence.write_evaluations(folder, rows)
        if report.diagnostics:
            diagnosed += report.diagnostics
            persistence.write_diagnostics(folder, diagnosed)
        rate = clock.steps_per_second(report.environment_steps)
        status = status._replace(environment_steps=report.environment_steps, environment_steps_per_second=rate)
        persistence.write_status(folder, status)
        print(_progress_line(report, rate), file=channel, flush=True)
        if interrupt.asked:
            raise KeyboardInterrupt
    steps = {"environment_steps": report.environment_steps}
    persistence.write_bundle(folder / "checkpoint", policy_arrays(report.state.agent), steps)
    final = experiment.evaluation.final_return([row["mean_return"] for row in rows])
    persistence.write_status(folder, status._replace(status="finished", final_return=final))


class _Clock:
    """Environment steps per second since the end of the first chunk, whose time is compilation."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, int]] = []

    def steps_per_second(self, environment_steps: int) -> float | None:
        self.marks = [*self.marks[:2], (time.monotonic(), environment_steps)]
        if len(self.marks) < 3:
            return None
        (began, first), (now, steps) = self.marks[1], self.marks[-1]
        return (steps - first) / (now - began)


def _progress_line(report: Report, rate: float | None) -> str:
    row, last = report.evaluation, report.last_return
    line = {
        "environment_steps": report.environment_steps,
        "environment_steps_per_second": rate,
        "last_return": last if last == last else None,
        "live_density": report.live_density,
        "evaluation_return": None if row is None else row["mean_return"],
    }
    return json.dumps(line)


def _stop(folder: Path, status: str, message: str, exit_status: int) -> int:
    """Record how the run ended; what was evaluated before stays."""
    try:
        last = persistence.read_status(folder) or persistence.Status(status)
        if last.status != "finished":
            persistence.write_status(folder, last._replace(status=status, message=message))
    except UserError as error:  # a full disk, say: the first message matters more
        print(error, file=sys.stderr)
    return _say(message, exit_status)


def _say(message: str, exit_status: int) -> int:
    print(f"sparserl: {message}", file=sys.stderr)
    return exit_status


def _own_output() -> IO[str]:
    """Standard output for progress alone: what an environment prints goes to the log, whatever language prints it."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return channel


def _bind(core: int | None, parent: int | None) -> None:
    """Stay on one processor, and die with the process that started this one (Linux)."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    if sys.platform == "linux" and parent is not None:
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before we could ask
            raise KeyboardInterrupt


if __name__ == "__main__":
    exit_status = main()
    sys.stderr.flush()
    os._exit(exit_status)  # all is stored; an orderly end would first wait for what the compiled program still computes
