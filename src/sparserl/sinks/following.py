"""Following: read what is new in the results store, hand it to the sink, remember it, and look again."""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sparserl.sinks.events import Event, Position, Sink, after_all, joined
from sparserl.sinks.positions import read_positions, write_positions
from sparserl.sinks.store import Signature, find_runs, new_events, signature

_BATCH_EVENTS = 10_000
_IDLE_PER_LOOK = 19.0  # looking at the store takes at most a twentieth of a core, however many runs there are,
_LONGEST_WAIT_SECONDS = 60.0  # or is done once a minute


class Follower:
    """A sink with what it has been given (`_given`), what of it is safe (`_safe`), and how it last saw each run."""

    def __init__(self, sink: Sink, folder: Path, tell: Callable[[str], None]) -> None:
        self._sink, self._folder, self._tell = sink, folder, tell
        self._safe = joined(read_positions(folder), sink.passed())
        self._given = dict(self._safe)
        self._seen: dict[str, Signature] = {}
        self._told: set[str] = set()

    def look(self, places: Sequence[Path]) -> None:
        """Pass on all that is new under `places`."""
        events: list[Event] = []
        for name, folder in find_runs(places, self._tell_once).items():
            seen = signature(folder)
            if self._seen.get(name) != seen:
                events += new_events(name, folder, self._given.get(name, Position()), self._tell)
                self._seen[name] = seen
            if len(events) >= _BATCH_EVENTS:
                self._pass_on(events)
                events = []
        self._pass_on(events)

    def _tell_once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._tell(line)

    def close(self) -> None:
        """Let the target have all, and remember it."""
        self._sink.close()
        self._remember(self._given)

    def _pass_on(self, events: list[Event]) -> None:
        if not events:
            return
        safe = self._sink.write(events)
        self._given = after_all(self._given, events)
        self._remember({**self._safe, **{run: self._given[run] for run in safe}})

    def _remember(self, positions: dict[str, Position]) -> None:
        if positions != self._safe:
            write_positions(self._folder, positions)
            self._safe = dict(positions)


def follow(
    open_sink: Callable[[Path], Sink],
    folder: Path,
    places: Sequence[Path],
    wait: Callable[[float], bool],
    tell: Callable[[str], None],
    poll_seconds: float,
) -> None:
    """Pass on what is in `places`, and what comes, until `wait(seconds)` says that it is time to end.

    Whatever fails leaves here, with the sink closed; following again goes on where this stood.
    """
    sink = open_sink(folder)
    try:
        follower = Follower(sink, folder, tell)
        follower.look(places)
        looked = 0.0
        while not wait(max(poll_seconds, min(_IDLE_PER_LOOK * looked, _LONGEST_WAIT_SECONDS))):
            began = time.monotonic()
            follower.look(places)
            looked = time.monotonic() - began
        follower.look(places)
        follower.close()
    except BaseException:
        with contextlib.suppress(Exception):
            sink.close()
        raise
