"""Sinks: what runs store, passed on to other programs by processes that the runs know nothing of.

A sink reads the results store and nothing else, at the lowest priority; it can be started after the fact, and none of
its mistakes reaches a run. `python -m sparserl.sinks KIND DIR ...` starts one, `started` one for each kind.

The names below are loaded on first use, as that program looks for libraries only when no file beside it hides them.
"""

from importlib import import_module

TYPE_CHECKING = False  # as `typing` has it

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

_MODULES = {
    **dict.fromkeys(("Event", "Position", "Sink"), "events"),
    **dict.fromkeys(("check_kinds", "kind_names"), "kinds"),
    **dict.fromkeys(("DRAIN_SECONDS", "Running", "default_output", "started"), "processes"),
}

if TYPE_CHECKING:
    from sparserl.sinks.events import Event, Position, Sink
    from sparserl.sinks.kinds import check_kinds, kind_names
    from sparserl.sinks.processes import DRAIN_SECONDS, Running, default_output, started
else:  # type checkers shall see a name that is not there

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        raise AttributeError(f"module 'sparserl.sinks' has no attribute {name!r}")
