"""Events: what a sink is given, and how far it has come."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from sparserl import persistence
from sparserl.persistence import FACTS

# What tells a row's run, the same in all its rows, and where the row stands in it.
IDENTITY = ("experiment_id", "agent", "method", "environment", "sparsity", "seed", "environment_steps")
_PASSING = ("environment_steps", "environment_steps_per_second", "updated")  # a status is not new for these


class Event(NamedTuple):
    """Something new of a run, named "<experiment id>/seed=<n>".

    `fields` of an evaluation and of a status are those on disk. Those of diagnostics, all of one evaluation, have in
    place of the measured columns `networks`: network -> layer -> column -> number or None.
    """

    run: str
    kind: Literal["evaluation", "diagnostics", "status"]
    environment_steps: int
    fields: Mapping[str, Any]


class Position(NamedTuple):
    """How far a run was passed on: environment steps of its last evaluation and diagnostics, and its last status."""

    evaluation: int = -1
    diagnostics: int = -1
    status: str = ""


class Sink(Protocol):
    """A target that events are passed on to."""

    def passed(self) -> Mapping[str, Position]:
        """What the target itself still shows to have, by run; it need not know of all."""
        ...

    def write(self, events: Sequence[Event]) -> Collection[str]:
        """Put `events` after those before; the runs of which the target now safely has all that was written."""
        ...

    def close(self) -> None:
        """Let the target safely have all that was written."""
        ...


def after(position: Position, event: Event) -> Position:
    """Where a run stands once `event` was passed on."""
    match event.kind:
        case "evaluation":
            return position._replace(evaluation=event.environment_steps)
        case "diagnostics":
            return position._replace(diagnostics=event.environment_steps)
        case "status":
            return position._replace(status=status_mark(event.fields))
    raise ValueError(f"no kind of event: {event.kind!r}")


def after_all(positions: Mapping[str, Position], events: Iterable[Event]) -> dict[str, Position]:
    """Where all runs stand once `events` were passed on."""
    moved = dict(positions)
    for event in events:
        moved[event.run] = after(moved.get(event.run, Position()), event)
    return moved


def joined(stored: Mapping[str, Position], shown: Mapping[str, Position]) -> dict[str, Position]:
    """Where runs stand by what was stored and by what the target shows, which is newer where a kill came between."""
    both = dict(stored)
    for run, newer in shown.items():
        older = both.get(run, Position())
        furthest = max(older.evaluation, newer.evaluation), max(older.diagnostics, newer.diagnostics)
        both[run] = Position(*furthest, newer.status or older.status)
    return both


def numbers_of(event: Event) -> dict[str, float]:
    """The numbers of an evaluation or of diagnostics by tag: evaluation/mean_return, diagnostics/q/all/srank."""
    fields: Mapping[str, Any] = event.fields
    if event.kind == "evaluation":
        return {f"evaluation/{name}": value for name, value in fields.items() if name not in (*IDENTITY, *FACTS)}
    return {
        f"diagnostics/{network}/{layer}/{name}": value
        for network, layers in fields["networks"].items()
        for layer, row in layers.items()
        for name, value in row.items()
        if value is not None
    }


def status_mark(fields: Mapping[str, Any]) -> str:
    """What is the same for two states of `status.json` exactly where nobody need be told of the second."""
    lasting = {name: value for name, value in fields.items() if name not in _PASSING}
    return hashlib.sha256(persistence.canonical_json(lasting).encode()).hexdigest()[:16]
