"""The worker: `python -m sparserl.worker RUN_FOLDER` trains one seed of one experiment in this process.

It reads `experiment.json` beside the run's folder and, where there is one, `request.json` in it, writes only inside
that folder, and tells its progress as JSON lines on standard output. A run that is over is left as it is; any other
goes on from its newest whole checkpoint. The exit statuses are those of `processes.outcomes`.

Several folders are seeds of one experiment, which it trains side by side in one program. All of them must be named
whenever the worker is started again, those that are over, too. It then ends as the worst of them.
"""

# ruff: noqa: E402
from sparserl.processes import ambient

_ASIDE = ambient.settle()  # before jax is imported

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

from sparserl import persistence
from sparserl.persistence import LEASE_SECONDS, Busy, DiskFull, Superseded
from sparserl.processes import binding
from sparserl.processes.log import tell
from sparserl.processes.outcomes import BUSY, DIVERGED, FINISHED, LOST, NO_ROOM, WRONG
from sparserl.types import UserError
from sparserl.worker.holding import Hold
from sparserl.worker.keeping import result_of
from sparserl.worker.refusals import refuse_mixtures
from sparserl.worker.telling import Teller
from sparserl.worker.vigil import Interrupt
from sparserl.worker.work import Work


def main() -> int:
    options, teller = _options(), Teller(binding.own_output())
    for line in _ASIDE:
        tell(line)
    try:
        refuse_mixtures(options.run_folders)
        results = {folder: result_of(folder) for folder in options.run_folders}
        for folder, result in results.items():
            if result is not None and result.status == "finished":
                _tidy_up(folder, options.lease_seconds)
        waiting = [folder for folder, result in results.items() if result is None]
        if not waiting:
            return FINISHED if any(result and result.status == "finished" for result in results.values()) else DIVERGED
        hold = Hold(waiting, options.lease_seconds)
    except Busy as error:
        return _say(str(error), BUSY)
    except DiskFull as error:
        return _say(str(error), NO_ROOM)
    except UserError as error:
        return _say(str(error), WRONG)
    interrupt = Interrupt(lambda: hold.give_back("interrupted", "stopped before its next checkpoint"))
    try:
        return Work(options, hold, teller, interrupt).attempt()
    except Superseded as error:
        return _say(str(error), LOST)
    finally:
        hold.release()


def _tidy_up(run_folder: Path, lease_seconds: float) -> None:
    """Remove the checkpoints of a finished run that was killed before it could; a diverged one's are looked into."""
    if not persistence.is_tidy(run_folder):
        attempt = persistence.claim(run_folder, lease_seconds)
        persistence.drop_generations(attempt)
        attempt.release()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sparserl.worker", description=__doc__)
    parser.add_argument("run_folders", type=Path, nargs="+", metavar="RUN_FOLDER")
    binding.add_options(parser)
    parser.add_argument("--lease-seconds", type=float, default=LEASE_SECONDS, help="how long others wait when silent")
    parser.add_argument("--checkpoint-seconds", type=float, help="between checkpoints, 60 or more by itself")
    parser.add_argument("--memory-limit-bytes", type=int, help="fail rather than hold more (Linux)")
    parser.add_argument("--force", action="store_true", help="go on from a checkpoint of another machine class")
    return parser.parse_args()


def _say(message: str, exit_status: int) -> int:
    tell(message)
    return exit_status


if __name__ == "__main__":
    exit_status = main()
    for voice in (sys.stdout, sys.stderr):
        with suppress(Exception):  # an environment may have put something else there
            voice.flush()
    os._exit(exit_status)  # all is stored; an orderly end would first wait for what the compiled program still computes
