"""The sink `jsonl`: one JSON line per event in `events.jsonl`, keys sorted, flushed to the disk."""

import contextlib
import json
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import IO

from sparserl import persistence
from sparserl.sinks.events import Event, Position, after


class JsonLines:
    """The open file; what it held before is as good as what this process writes."""

    def __init__(self, file: IO[bytes], positions: Mapping[str, Position]) -> None:
        self._file, self._positions = file, positions

    def passed(self) -> Mapping[str, Position]:
        return self._positions

    def write(self, events: Sequence[Event]) -> Collection[str]:
        self._file.write(b"".join(_line(event) for event in events))
        self._file.flush()
        os.fsync(self._file.fileno())
        return {event.run for event in events}

    def close(self) -> None:
        self._file.close()


def open_sink(folder: Path) -> JsonLines:
    """Open `events.jsonl` in `folder`; a last line that a kill or a full disk cut short is taken away."""
    file = (folder / "events.jsonl").open("ab+")
    try:
        positions, whole_bytes = _held(file)
        file.truncate(whole_bytes)
    except BaseException:
        file.close()
        raise
    return JsonLines(file, positions)


def _line(event: Event) -> bytes:
    return persistence.canonical_json({**event.fields, "event": event.kind, "run": event.run}).encode() + b"\n"


def _held(file: IO[bytes]) -> tuple[dict[str, Position], int]:
    """How far the lines in the file go, and how many bytes the whole ones are."""
    positions: dict[str, Position] = {}
    whole_bytes = 0
    file.seek(0)
    for line in file:
        if line.endswith(b"\n"):
            whole_bytes += len(line)
            _move(positions, line)
    return positions, whole_bytes


def _move(positions: dict[str, Position], line: bytes) -> None:
    """Move the run that a line tells of; a line that is not ours moves none."""
    with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
        fields = json.loads(line)
        event = Event(str(fields.pop("run")), fields.pop("event"), int(fields["environment_steps"]), fields)
        positions[event.run] = after(positions.get(event.run, Position()), event)
