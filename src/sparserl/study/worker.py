"""The worker: `python -m sparserl.study.worker RUN_FOLDER` trains one seed of one experiment in this process.

It reads `experiment.json` beside the run's folder and, where there is one, `request.json` in it, writes only inside
that folder, and tells its progress as JSON lines on standard output. A run that is over is left as it is; any other
goes on from its newest whole checkpoint. The exit statuses are those of `study.outcomes`.
"""

import os

os.environ["NPROC"] = "1"  # one XLA thread, so that bits do not depend on the machine's cores; before jax is imported
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import argparse
import ctypes
import json
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import IO

from sparserl import persistence
from sparserl.experiment import Experiment, Report, RunFailure, run
from sparserl.persistence import LEASE_SECONDS, Attempt, Busy, Superseded
from sparserl.study.compilation import use_compilation_cache
from sparserl.study.keeping import Keeper, Request, record, result_of, tell
from sparserl.study.outcomes import BUSY, DIVERGED, FAILED, FINISHED, INTERRUPTED, LOST, WRONG
from sparserl.study.vigil import Interrupt, renew_forever
from sparserl.types import Divergence, UserError

DIE_WITH_PARENT = 1  # Linux: PR_SET_PDEATHSIG
TELL_SECONDS = 0.5  # between two lines of progress


def main() -> int:
    options = _options()
    folder, channel = options.run_folder, _own_output()
    try:
        result = result_of(folder)
        if result is not None and result.status == "diverged":  # its last checkpoints stay, to be looked into
            return DIVERGED
        if result is not None and persistence.is_tidy(folder):
            return FINISHED
        attempt = persistence.claim(folder, options.lease_seconds)
        if result is not None:  # killed before it could remove its checkpoints
            persistence.drop_generations(attempt)
            attempt.release()
            return FINISHED
    except Busy as error:
        return _say(str(error), BUSY)
    except UserError as error:
        return _say(str(error), WRONG)
    interrupt = Interrupt(lambda: _give_back(attempt, "interrupted", "stopped before its next checkpoint"))
    stop_renewing = renew_forever(attempt, options.lease_seconds)
    try:
        return _attempt(attempt, options, channel, interrupt)
    except Superseded as error:
        return _say(str(error), LOST)
    finally:
        stop_renewing()
        attempt.release()


def _attempt(attempt: Attempt, options: argparse.Namespace, channel: IO[str], interrupt: Interrupt) -> int:
    """Go on with the run, and record how that ended."""
    keeper = None
    try:
        _bind(options.core, options.parent, options.memory_limit_bytes)
        persistence.sweep_partial(attempt.run_folder)
        experiment = Experiment.from_choices(persistence.read_experiment(attempt.run_folder.parent)["choices"])
        use_compilation_cache()
        keeper = Keeper(attempt, experiment, Request(options.checkpoint_seconds, options.force))
        return _train(experiment, keeper, attempt, channel, interrupt)
    except Divergence as error:
        return _stop(attempt, "diverged", str(error), DIVERGED)
    except UserError as error:  # a run that had begun may have met a full disk, or an environment that broke
        return _stop(attempt, "failed", str(error), FAILED if keeper and keeper.begun else WRONG)
    except RunFailure as error:
        return _stop(attempt, "failed", str(error), FAILED)
    except KeyboardInterrupt:
        return _stop(attempt, "interrupted", "stopped by the user", INTERRUPTED)
    except Superseded:
        raise
    except MemoryError:
        return _stop(attempt, "failed", "out of memory", FAILED)
    except Exception as error:
        traceback.print_exc()
        return _stop(attempt, "failed", f"{type(error).__name__}: {error}".splitlines()[0], FAILED)


def _train(experiment: Experiment, keeper: Keeper, attempt: Attempt, channel: IO[str], interrupt: Interrupt) -> int:
    """Train to the end, or until asked to stop, with a checkpoint then."""
    seed = int(attempt.run_folder.name.removeprefix("seed="))
    told, report = 0.0, None
    if keeper.checkpoint:
        tell(f"attempt {attempt.number} goes on from step {keeper.checkpoint.document['environment_steps']:,}")
    for report in run(experiment, seed, None, keeper.diagnostics, keeper.checkpoint):
        rate = keeper.keep(report)
        if report.evaluation is not None or time.monotonic() - told >= TELL_SECONDS:
            told = time.monotonic()
            try:
                print(_progress_line(report, rate), file=channel, flush=True)
            except BrokenPipeError:  # nobody listens any more
                interrupt.asked = True
        if interrupt.asked:
            keeper.store_checkpoint(report)
            raise KeyboardInterrupt
    assert report is not None
    keeper.finish(report)
    return FINISHED


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sparserl.study.worker", description=__doc__)
    parser.add_argument("run_folder", type=Path)
    parser.add_argument("--core", type=int, help="run on this processor only")
    parser.add_argument("--parent", type=int, help="end when the process of this number ends (Linux)")
    parser.add_argument("--lease-seconds", type=float, default=LEASE_SECONDS, help="how long others wait when silent")
    parser.add_argument("--checkpoint-seconds", type=float, help="between checkpoints, 60 or more by itself")
    parser.add_argument("--memory-limit-bytes", type=int, help="fail rather than hold more (Linux)")
    parser.add_argument("--force", action="store_true", help="go on from a checkpoint of another machine class")
    return parser.parse_args()


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


def _stop(attempt: Attempt, status: str, message: str, exit_status: int) -> int:
    """Record how the attempt ended; what was evaluated before stays."""
    try:
        record(attempt, status, message)
    except UserError as error:  # a full disk, say: the first message matters more
        print(error, file=sys.stderr)
    return _say(message, exit_status)


def _give_back(attempt: Attempt, status: str, message: str) -> None:
    try:
        record(attempt, status, message)
    finally:
        attempt.release()


def _say(message: str, exit_status: int) -> int:
    tell(message)
    return exit_status


def _own_output() -> IO[str]:
    """Standard output for progress alone: what an environment prints goes to the log, whatever language prints it."""
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return channel


def _bind(core: int | None, parent: int | None, memory_limit_bytes: int | None) -> None:
    """Stay on one processor and within some memory, and die with the process that started this one (Linux)."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    if memory_limit_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (memory_limit_bytes, memory_limit_bytes))
    if sys.platform == "linux" and parent is not None:
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before we could ask
            raise KeyboardInterrupt


if __name__ == "__main__":
    exit_status = main()
    sys.stderr.flush()
    os._exit(exit_status)  # all is stored; an orderly end would first wait for what the compiled program still computes
