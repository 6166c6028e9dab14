"""Events: what a sink is given, and how far it has come."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from sparserl import persistence
from sparserl.persistence import FACTS

# The columns that say which run a row belongs to, and where it stands in the run.
IDENTITY = ("experiment_id", "agent", "method", "environment", "sparsity", "seed", "environment_steps")
_PASSING = (
    "environment_steps",
    "environment_steps_per_second",
    "updated",
)  # a status that differs in these alone is no news


class Event(NamedTuple):
    """Something new about a run, named "<experiment id>/seed=<n>".

    `fields` of an evaluation and of a status are those on disk. Those of diagnostics, all of one evaluation, have in
    place of the measured columns `networks`: network -> layer -> column -> number or None.
    """

    run: str
    kind: Literal["evaluation", "diagnostics", "status"]
    environment_steps: int
    fields: Mapping[str, Any]


class Position(NamedTuple):
    """How much of a run was passed on: the steps of its last evaluation and diagnostics, and its last status."""

    evaluation: int = -1
    diagnostics: int = -1
    status: str = ""


class Sink(Protocol):
    """A target that events are passed on to."""

    def passed(self) -> Mapping[str, Position]:
        """What the target itself shows to have received, by run; it need not know about all."""
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
    """Where runs stand, by what was stored and by what the target shows, which is newer after a kill in between."""
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
    """A digest that differs between two states of `status.json` only if the second one is news."""
    lasting = {name: value for name, value in fields.items() if name not in _PASSING}
    return hashlib.sha256(persistence.canonical_json(lasting).encode()).hexdigest()[:16]
