"""Sinks of another package that break: each is announced by `announce` as that package's installation would."""

import resource
import time

from sparserl.sinks import jsonl

NAMES = ("raises", "hangs", "fills", "exits")


def announce(folder, monkeypatch):
    """Let the kinds above be found by this process and those that it starts."""
    information = folder / "broken_sinks-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-sinks\nVersion: 1.0\n")
    entries = "\n".join(f"{name} = sinks.broken_sinks:{name}" for name in NAMES)
    (information / "entry_points.txt").write_text(f"[sparserl.sinks]\n{entries}\n")
    monkeypatch.syspath_prepend(str(folder))


class Sink:
    """Has nothing, and does what it was made for when it is written to."""

    def __init__(self, write):
        self.write = write

    def passed(self):
        return {}

    def close(self):
        pass


def raises(folder):
    return Sink(lambda events: 1 / 0)


def hangs(folder):
    while True:  # signals are handled, and nothing comes of it
        time.sleep(0.1)


def fills(folder):
    """JSON lines on a disk that is full after 2,000 bytes, the state's file included."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    return jsonl.open_sink(folder)


def exits(folder):
    raise SystemExit(3)
