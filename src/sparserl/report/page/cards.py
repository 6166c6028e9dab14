"""Cards: what an action of a run's policy costs as it was exported, as its cards tell that lie in the run's folder."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

PATTERN = "card-*.json"
_MOST_CARDS, _MOST_BYTES = 12, 200_000  # of one run, of one card
_MICRO = 1e6


class CostRow(NamedTuple):
    """One way to run the policy; None was not measured. Seconds are microseconds here."""

    name: str
    flash_bytes: Any
    ram_bytes: Any
    instructions: Any
    p50: float | None
    p99: float | None


class ExportCard(NamedTuple):
    """What a page shows of an export: `facts` by name, costs, who wins, and what could not be measured."""

    title: str
    facts: list[tuple[str, Any]]
    costs: list[CostRow]
    findings: list[str]
    notes: list[str]


def cards_in(folder: Path, notes: list[str]) -> Iterator[ExportCard]:
    """The cards in a run's folder; those that cannot be read are told in `notes`."""
    for path in sorted(folder.glob(PATTERN))[:_MOST_CARDS]:
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise ValueError("it is too large")
            yield _card(json.loads(path.read_bytes()))
        except (OSError, ArithmeticError, LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
            notes.append(f"The card {path.name} cannot be shown: {error}")


def _card(document: Mapping[str, Any]) -> ExportCard:
    network, checked = document["network"], document["verification"]
    facts = [
        ("live weights", f"{_integer(network['live_weights'])} of {_integer(network['weights'])}"),
        ("multiply-accumulates of an action", _integer(network["multiply_accumulates"])),
        ("those of the dense network", _integer(network["dense_multiply_accumulates"])),
        ("bytes of its files", sum(map(int, document["files"].values()))),
        ("observations it was verified with", int(checked["num_observations"])),
        ("largest difference of outputs", float(checked["largest_difference"])),
        ("equal actions, fraction", float(checked["action_agreement"])),
    ]
    facts += [(f"mean return, {name}", float(each["mean"])) for name, each in (document["returns"] or {}).items()]
    rows = [_row(way) for way in document["ways"]]
    title = f"{document['format']}, {document['weights']}"
    return ExportCard(title, facts, rows, list(map(str, document["findings"])), list(map(str, document["notes"])))


def _row(way: Mapping[str, Any]) -> CostRow:
    memory, latency = way["memory"] or {}, way["latency"] or {}
    seconds = [latency.get(name) for name in ("p50_seconds", "p99_seconds")]
    p50, p99 = (None if each is None else _MICRO * float(each) for each in seconds)
    instructions = way["instructions"]
    counted = None if instructions is None else round(float(instructions))
    flash, ram = (None if memory.get(name) is None else int(memory[name]) for name in ("flash_bytes", "ram_bytes"))
    return CostRow(str(way["name"]), flash, ram, counted, p50, p99)


def _integer(value: Any) -> str:
    return f"{int(value):,}"
