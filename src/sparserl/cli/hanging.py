"""Hanging: ends a command whose environment does not come back, as engines end workers; commands make them, too."""

import threading
import time
from typing import Annotated

import tyro

from sparserl.calls import CLOSING, MAKING, PLAYING
from sparserl.cli import FAILED, say
from sparserl.engine.settings import Settings
from sparserl.processes import supervision
from sparserl.worker.pulse import PATIENCE_IN_MAKING

_PAUSE_SECONDS = 0.5
_CLOSE_SECONDS = 15.0  # more than `environments.closing` gives one; only code in C, which no signal ends, takes longer

HangOption = Annotated[
    float,
    tyro.conf.arg(
        help="The command ends where its environment takes so long for a step or a reset; thrice as long where it is "
        "made, or where code in C lets nothing else go on."
    ),
]


def check_hang_seconds(hang_seconds: float) -> None:
    """Raises UserError for what is no time."""
    Settings(hang_seconds=hang_seconds)


def end_where_hung(hang_seconds: float = Settings.hang_seconds) -> None:
    """End the command, from now on, where a call of an environment takes so long; thrice as long where it is made."""
    if supervision.is_supervised():
        threading.Thread(target=_watch, args=(hang_seconds,), daemon=True).start()


def _watch(hang_seconds: float) -> None:
    """Watch the calls; the parent ends a process in which not even this goes on, as code in C may hold all else up."""
    ended, since = -1, 0.0
    while True:
        supervision.show_life(PATIENCE_IN_MAKING * hang_seconds)
        time.sleep(_PAUSE_SECONDS)
        now = MAKING.num_ended + PLAYING.num_ended + CLOSING.num_ended
        if now != ended or not (MAKING.num_open or PLAYING.num_open or CLOSING.num_open):
            ended, since = now, time.monotonic()
        limit, where = _limit(hang_seconds)
        if time.monotonic() - since > limit:
            supervision.end(say(f"the environment hangs: it said nothing for {limit:g} seconds {where}", FAILED))


def _limit(hang_seconds: float) -> tuple[float, str]:
    """How long the call that is open may take, and what it is."""
    if CLOSING.num_open:
        return _CLOSE_SECONDS, "while it is closed"
    if PLAYING.num_open:
        return hang_seconds, "in a step or a reset"
    return PATIENCE_IN_MAKING * hang_seconds, "while it is made"
