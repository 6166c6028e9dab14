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


def test_a_stream_that_others_close_stays_open_and_one_closed_behind_it_is_no_failure(tmp_path):
    with (tmp_path / "said").open("w") as file:
        stream = Patient(file)
        stream.close()
        print("still here", file=stream, flush=True)
        assert (tmp_path / "said").read_text() == "still here\n"
        file.close()
        print("gone", file=stream, flush=True)
        assert stream.failure == ""


@pytest.mark.processes
def test_every_way_to_stop_listening():
    ways = (">&-", ">/dev/full", "2>&-", ">&- 2>&- <&-", ">/dev/full 2>/dev/full", "2>&1 | true", "2>&- | head -c 1")
    for words, status, tried in (("--help", 0, ways), ("report nowhere", 2, ways[3:4])):
        for way in tried:
            script = f"{sys.executable} -m sparserl {words} {way}; exit ${{PIPESTATUS[0]}}"
            done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
            assert done.returncode == status, (way, done.stderr)
            assert "sparserl: nowhere" not in done.stdout
            assert done.stderr.splitlines() in (
                [],
                ["sparserl: standard output cannot be written: No space left on device"],
            )
