"""The sink `tensorboard`: one folder of event files per run, tags after the columns, x the environment steps.

An evaluation, or all diagnostics of one, is one record of the file, which a kill leaves whole or not at all.
"""

import json
import struct
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event as Record
from tensorboardX.proto.summary_pb2 import Summary
from tensorboardX.record_writer import masked_crc32c
from tensorboardX.summary import text

from sparserl import persistence
from sparserl.persistence import RunId
from sparserl.sinks.events import Event, Position, after_all, numbers_of

_LARGEST_NUM_OPEN = 64  # files at once; a run whose file was closed gets another one
_STATUS_TAG = "status/text_summary"


class TensorBoard:
    """The event files of the runs that go on, the one longest without news first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, EventsWriter] = {}

    def passed(self) -> Mapping[str, Position]:
        runs = {str(RunId.of(folder)): folder for folder in persistence.runs_in(self._folder)}
        files = {name: sorted(folder.glob("events.out.tfevents.*")) for name, folder in runs.items()}
        return after_all({}, (event for name in files for file in files[name] for event in _held(name, file)))

    def write(self, events: Sequence[Event]) -> Collection[str]:
        for event in events:
            if summary := _summary(event):
                writer = self._writer(event.run)
                writer.write_event(Record(wall_time=time.time(), step=event.environment_steps, summary=summary))
        runs = {event.run for event in events}
        for run in runs & self._writers.keys():
            self._writers[run].flush()  # to the disk
        ended = {event.run for event in events if event.kind == "status" and event.fields["status"] != "running"}
        for run in ended & self._writers.keys():
            self._close(run)
        return runs

    def close(self) -> None:
        for run in list(self._writers):
            self._close(run)

    def _writer(self, run: str) -> EventsWriter:
        writer = self._writers.pop(run, None) or self._open(run)
        self._writers[run] = writer
        if len(self._writers) > _LARGEST_NUM_OPEN:
            self._close(next(iter(self._writers)))
        return writer

    def _open(self, run: str) -> EventsWriter:
        folder = self._folder / run
        folder.mkdir(parents=True, exist_ok=True)
        return EventsWriter(str(folder / "events"), f".{time.time_ns():020d}")  # its own names repeat within a second

    def _close(self, run: str) -> None:
        self._writers.pop(run).close()


def open_sink(folder: Path) -> TensorBoard:
    """A sink whose folder is what `tensorboard --logdir` takes."""
    return TensorBoard(folder)


def _summary(event: Event) -> Summary | None:
    """The record of an event; None where nothing was measured."""
    if event.kind == "status":
        return text("status", persistence.canonical_json(event.fields))
    numbers = [Summary.Value(tag=tag, simple_value=number) for tag, number in numbers_of(event).items()]
    return Summary(value=numbers) if numbers else None


def _held(run: str, file: Path) -> Iterator[Event]:
    """The events of a file as far as positions need them, up to a record that a kill cut short."""
    for data in _records(file.read_bytes()):
        record = Record.FromString(data)
        tags = [value.tag for value in record.summary.value]
        if tags == [_STATUS_TAG]:
            fields = json.loads(record.summary.value[0].tensor.string_val[0])
            yield Event(run, "status", record.step, fields)
        elif tags:
            yield Event(run, "evaluation" if tags[0].startswith("evaluation/") else "diagnostics", record.step, {})


def _records(content: bytes) -> Iterator[bytes]:
    """The whole records of an event file: length and its checksum, the data and its checksum."""
    start = 0
    while len(header := content[start : start + 12]) == 12:
        (length, checksum) = struct.unpack("<QI", header)
        end = start + 12 + length
        if checksum != masked_crc32c(header[:8]) or end + 4 > len(content):
            return
        yield content[start + 12 : end]
        start = end + 4
