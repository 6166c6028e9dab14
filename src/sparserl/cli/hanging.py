"""Hanging: ends a command whose environment does not come back, as engines end workers; commands make them, too."""

import threading
import time

from sparserl.calls import MAKING, PLAYING
from sparserl.cli import FAILED, say
from sparserl.engine.settings import Settings
from sparserl.processes import supervision
from sparserl.worker.pulse import PATIENCE_IN_MAKING

_PAUSE_SECONDS = 0.5


def end_where_hung(hang_seconds: float = Settings.hang_seconds) -> None:
    """End the command, from now on, where a call of an environment takes so long; thrice as long where it is made."""
    if supervision.is_supervised():
        threading.Thread(target=_watch, args=(hang_seconds,), daemon=True).start()


def _watch(hang_seconds: float) -> None:
    ended, since = -1, 0.0
    while True:
        time.sleep(_PAUSE_SECONDS)
        now = MAKING.num_ended + PLAYING.num_ended
        if now != ended or not (MAKING.num_open or PLAYING.num_open):
            ended, since = now, time.monotonic()
        limit = hang_seconds if PLAYING.num_open else PATIENCE_IN_MAKING * hang_seconds
        if time.monotonic() - since > limit:
            where = "in a step or a reset" if PLAYING.num_open else "while it is made"
            supervision.end(say(f"the environment hangs: it said nothing for {limit:g} seconds {where}", FAILED))
