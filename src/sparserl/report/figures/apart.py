"""Apart: what tells experiments from each other that would otherwise be pooled in one mark."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple

from sparserl.report.figures.words import told
from sparserl.report.provenance import PROVENANCE, provenance

_FIRST = (
    *("agent", "environment", "sparsity", "network_kind", "distribution", "dense_last_layer", "budget"),
    *("results_version", "preset", "storage", "actor_share", "machine"),
)
_NEVER = (
    "experiment_id",
    "seed",
    "role",
    "matches",
    "parameters",
    "macs",
    "live_macs",
    "live_parameters",
    "randomness",
)


class Seat(NamedTuple):
    """Where an experiment, or the part of its runs that one class of machine trained, is to stand.

    mark: what it would share with others of its line; task: its environment where a mark is over environments, each
    with one experiment of one provenance; None where a mark is one experiment's.
    """

    unit: Hashable
    columns: Mapping[str, Any]
    mark: Hashable
    task: Hashable = None


Words = Mapping[Hashable, tuple[str, ...]]


def told_apart(seats: Sequence[Seat]) -> dict[Hashable, tuple[str, ...]]:
    """What to say of each unit beside its line, so that no mark has two of a task, or several provenances.

    Columns are tried in an order of their own, and only those are said that tell more apart; where none does, the end
    of the identifier is.
    """
    seats = list({(seat.unit, seat.mark, seat.task): seat for seat in seats}.values())  # seeds sit together
    columns = {seat.unit: seat.columns for seat in seats}
    said: dict[Hashable, tuple[str, ...]] = dict.fromkeys(columns, ())
    for names, count in ((differing(columns), _clashes), (list(PROVENANCE), _mixtures)):
        for name in names:
            if not (left := count(seats, said)):
                break
            longer = {unit: (*said[unit], told(name, columns[unit].get(name))) for unit in said}
            if count(seats, longer) < left:
                said = longer
    alike = {unit for units in _together(seats, said).values() if len(units) > 1 for unit in units}
    end = lambda unit: f"[{str(columns[unit].get('experiment_id', unit))[-8:]}]"
    return {unit: (*words, end(unit)) if unit in alike else words for unit, words in said.items()}


def differing(columns: Mapping[Hashable, Mapping[str, Any]]) -> list[str]:
    """The columns in which these experiments are not alike; the most telling ones first."""
    there = dict.fromkeys([*_FIRST, *sorted({name for each in columns.values() for name in each})])
    return [
        name for name in there if name not in _NEVER and len({str(each.get(name)) for each in columns.values()}) > 1
    ]


def _together(seats: Sequence[Seat], said: Words) -> dict[Hashable, set[Hashable]]:
    """The units that share a task of a mark, by what is said of them."""
    units: dict[Hashable, set[Hashable]] = {}
    for seat in seats:
        units.setdefault((seat.mark, seat.task, said[seat.unit]), set()).add(seat.unit)
    return units


def _clashes(seats: Sequence[Seat], said: Words) -> int:
    """By how many units tasks hold more than one of a name."""
    return sum(len(units) - 1 for units in _together(seats, said).values())


def _mixtures(seats: Sequence[Seat], said: Words) -> int:
    """By how many provenances marks hold more than one under a name."""
    kept: dict[Hashable, set[Hashable]] = {}
    for seat in seats:
        kept.setdefault((seat.mark, said[seat.unit]), set()).add(provenance(seat.columns))
    return sum(len(each) - 1 for each in kept.values())
