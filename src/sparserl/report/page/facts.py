"""Facts: what documents, statuses and logs of runs tell, by name."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sparserl.report.runs import Run

_LOG_LINES, _LOG_BYTES = 20, 20_000


def facts_of(run: Run) -> Iterator[tuple[str, Any]]:
    """What a run's status tells, in words."""
    if (status := run.status) is None:
        yield "status", "not known"
    else:
        yield "status", status.status
        yield "message", status.message or None
        yield "environment steps", status.environment_steps
        yield "steps per second", status.environment_steps_per_second
        yield "seconds of the last attempt", status.seconds
        yield "of these for checkpoints", status.checkpoint_seconds
        yield "attempts", status.attempt
        yield "went on from step", status.resumed_from_steps
        yield "went on with fresh episodes at steps", tuple(status.breaks) or None
        yield "differences accepted", status.forced or None
        yield "trained", status.layout
        yield "host", status.host
        yield "started", status.started
        yield "updated", status.updated
    yield "final return", run.final_return


def last_lines(path: Path) -> list[str]:
    """The end of a log; nothing where there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - _LOG_BYTES, 0))
            return file.read().decode(errors="replace").splitlines()[-_LOG_LINES:]
    except OSError:
        return []


def flat(values: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    """Values by their names with dots."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{place}{name}.")
        else:
            yield f"{place}{name}", value
