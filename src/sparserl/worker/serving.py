"""Serving: takes the runs that a worker is asked for, works on them, and returns how that ended."""

import argparse
from pathlib import Path

from sparserl import persistence
from sparserl.persistence import LEASE_SECONDS, Busy, DiskFull, Superseded
from sparserl.processes.log import tell
from sparserl.processes.outcomes import BUSY, DIVERGED, FINISHED, INTERRUPTED, LOST, NO_ROOM, WRONG
from sparserl.types import UserError
from sparserl.worker import noise
from sparserl.worker.channel import Channel
from sparserl.worker.ended import result_of
from sparserl.worker.holding import Hold
from sparserl.worker.refusals import refuse_mixtures
from sparserl.worker.telling import ProgressTeller
from sparserl.worker.vigil import Interrupt
from sparserl.worker.work import Work


def serve(options: argparse.Namespace, channel: Channel) -> int:
    """Work on the runs until they are over, or until asked to stop; the exit status."""
    lease_seconds = options.lease_seconds or LEASE_SECONDS
    try:
        refuse_mixtures(options.run_folders)
        results = {folder: result_of(folder) for folder in options.run_folders}
        for folder, result in results.items():
            if result is not None and result.status == "finished":
                _tidy_up(folder, lease_seconds)
        waiting = [folder for folder, result in results.items() if result is None]
        if options.observation_noise:
            waiting = noise.waiting(options.run_folders, options.observation_noise)
        if not waiting:
            return FINISHED if any(result and result.status == "finished" for result in results.values()) else DIVERGED
        hold = Hold(waiting, lease_seconds, lambda: channel.end(LOST))
    except Busy as error:
        return _say(str(error), BUSY)
    except DiskFull as error:
        return _say(str(error), NO_ROOM)
    except UserError as error:
        return _say(str(error), WRONG)

    def end_at_once() -> None:
        try:
            hold.give_back("interrupted", "stopped before its next checkpoint")
        finally:
            channel.end(INTERRUPTED)

    try:
        return Work(options, hold, ProgressTeller(channel), Interrupt(end_at_once)).attempt()
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


def _say(message: str, exit_status: int) -> int:
    tell(message)
    return exit_status
