"""Vigil: threads that watch over a worker while its main thread is deep in compiled code.

One renews the lease, and ends the process when a newer attempt has taken the run. One hears SIGTERM at once, and ends
the process if it has not stored what it has within STOP_SECONDS.
"""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from sparserl.persistence import Attempt, Superseded
from sparserl.processes.outcomes import INTERRUPTED
from sparserl.types import UserError

RENEWALS = 6  # in the time that a lease lasts without
STOP_SECONDS = 4.0  # a chunk takes about one second, a checkpoint less
_HEEDED = (signal.SIGTERM, signal.SIGINT)


class Interrupt:
    """Whether the process was asked to end; `late` is the last thing it does if it cannot end in time by itself."""

    def __init__(self, late: Callable[[], None]) -> None:
        self.asked = False
        self._late = late
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self.insist()
        threading.Thread(target=self._listen, daemon=True).start()

    def insist(self) -> None:
        """Heed signals, also where an environment has come to heed them itself."""
        for number in _HEEDED:
            signal.signal(number, self._note)
        with suppress(OSError, ValueError):  # it has closed what is not its own
            signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)  # written to at once, whatever Python is at

    def _note(self, signal_number: int, frame: FrameType | None) -> None:
        self.asked = True

    def _listen(self) -> None:
        while os.read(self._reader, 1)[0] not in _HEEDED:
            pass
        self.asked = True
        threading.Event().wait(STOP_SECONDS)
        with suppress(Exception):
            self._late()
        os._exit(INTERRUPTED)


def renew_forever(attempt: Attempt, lease_seconds: float, lost: Callable[[], None]) -> Callable[[], None]:
    """Renew the lease of `attempt` until the function that this returns is called; `lost` ends the process."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(lease_seconds / RENEWALS):
            try:
                attempt.renew()
            except Superseded:
                if not over.is_set():
                    lost()  # nothing that this process does counts any more
            except UserError:  # a full disk, say: there may be room the next time
                continue

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()

    def stop() -> None:
        over.set()
        thread.join()

    return stop
