"""Sinks: what runs store, passed on to other programs by processes that the runs know nothing of.

A sink reads the results store and nothing else, at the lowest priority; it can be started after the fact, and none of
its mistakes reaches a run. `python -m sparserl.sinks KIND DIR ...` starts one, `started` one for each kind.
"""

from sparserl.sinks.events import Event, Position, Sink
from sparserl.sinks.kinds import check_kinds, kind_names
from sparserl.sinks.processes import DRAIN_SECONDS, Running, default_output, started

__all__ = [
    "DRAIN_SECONDS",
    "Event",
    "Position",
    "Running",
    "Sink",
    "check_kinds",
    "default_output",
    "kind_names",
    "started",
]
