"""Streams: a command goes on and ends with its own status, whoever has stopped reading what it says."""

import os
import subprocess
import sys

import pytest

from sparserl.cli.streams import Patient


def test_text_for_nobody_goes_nowhere_and_is_no_failure():
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as file:
        stream = Patient(file)
        for _ in range(3):
            print("x" * 100_000, file=stream, flush=True)
        assert (stream.failure, stream.isatty(), stream.fileno()) == ("", False, writer)


def test_a_full_disk_is_told_once_and_stops_nothing():
    with open("/dev/full", "w") as file:
        stream = Patient(file)
        print("x" * 100_000, file=stream)
        stream.flush()
        assert "No space left" in stream.failure


@pytest.mark.processes
@pytest.mark.parametrize(
    ("words", "status"), [("--help", 0), ("report nowhere", 2), ("methods", 0)], ids=lambda value: str(value)
)
def test_every_way_to_stop_listening(words, status):
    command = f"{sys.executable} -m sparserl {words}"
    ways = (">&-", ">/dev/full", "2>&-", ">&- 2>&- <&-", ">/dev/full 2>/dev/full", "2>&1 | true", "2>&- | head -c 1")
    for way in ways:
        script = f"{command} {way}; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
        assert done.returncode == status, (way, done.stderr)
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr
        assert done.stderr.count("\n") <= 1, (way, done.stderr)
        assert way.startswith(("2>&-",)) or "sparserl: nowhere" not in done.stdout
