"""Holding: the runs that one process works on, each through an attempt of its own until it is let go."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from sparserl import persistence
from sparserl.persistence import Attempt, Superseded
from sparserl.types import UserError
from sparserl.worker.ended import record
from sparserl.worker.vigil import renew_forever


class Hold:
    """The attempts that are held, by seed; their leases are renewed all the while."""

    def __init__(self, run_folders: Sequence[Path], lease_seconds: float, lost: Callable[[], None]) -> None:
        """Take all of the runs; `lost` ends the process when another attempt has taken one from it.

        Raises Busy, a UserError, and takes none where another process has one.
        """
        self.attempts: dict[int, Attempt] = {}
        self._stop_renewing: dict[int, Callable[[], None]] = {}
        self.leave: Callable[[], None] = lambda: None  # the last thing that is done where all is given back in a hurry
        try:
            for folder in run_folders:
                seed, attempt = persistence.RunId.of(folder).seed, persistence.claim(folder, lease_seconds)
                self.attempts[seed], self._stop_renewing[seed] = attempt, renew_forever(attempt, lease_seconds, lost)
        except BaseException:
            self.release()
            raise

    def record(self, status: str, message: str) -> None:
        """Say how all runs that are still held have ended."""
        for attempt in list(self.attempts.values()):
            record(attempt, status, message)

    def let_go(self, seed: int) -> None:
        """Give one run back: nothing more is written of it."""
        self._stop_renewing.pop(seed)()
        self.attempts.pop(seed).release()

    def release(self) -> None:
        for seed in list(self.attempts):
            self.let_go(seed)

    def give_back(self, status: str, message: str) -> None:
        """From another thread, at the very end: record and release what can be, renewing or not."""
        for attempt in list(self.attempts.values()):
            with suppress(UserError, Superseded):
                record(attempt, status, message)
            with suppress(UserError):
                attempt.release()
        self.leave()
