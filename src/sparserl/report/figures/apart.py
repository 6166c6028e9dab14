"""Apart: what tells experiments from each other that would otherwise be pooled in one mark."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sparserl.report.figures.words import told

if TYPE_CHECKING:
    from sparserl.report.runs import Run

_FIRST = (
    *("agent", "environment", "sparsity", "network_kind", "distribution", "dense_last_layer", "budget"),
    *("results_version", "preset", "storage", "actor_share"),
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


def told_apart(where: Sequence[tuple["Run", Hashable]]) -> dict[str, tuple[str, ...]]:
    """What to say of each experiment beside its line, so that no two in one place have the same name.

    `where`: runs with the place that each is in. Columns are tried in an order of their own, and only those are said
    that tell more apart; where none does, the end of the identifier is.
    """
    places: dict[str, set[Hashable]] = {}
    columns: dict[str, Any] = {}
    for run, place in where:
        places.setdefault(run.id.experiment, set()).add(place)
        columns[run.id.experiment] = run.columns
    said: dict[str, tuple[str, ...]] = dict.fromkeys(places, ())
    for name in differing(columns):
        if not (clashes := _clashes(places, said)):
            return said
        longer = {each: (*said[each], told(name, columns[each].get(name))) for each in said}
        if _clashes(places, longer) < clashes:
            said = longer
    names = _counted(places, said)
    return {
        each: (*words, f"[{each[-8:]}]") if any(names[place, words] > 1 for place in places[each]) else words
        for each, words in said.items()
    }


def differing(columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The columns in which these experiments, by identifier, are not alike; the most telling ones first."""
    there = dict.fromkeys([*_FIRST, *sorted({name for each in columns.values() for name in each})])
    return [
        name for name in there if name not in _NEVER and len({str(each.get(name)) for each in columns.values()}) > 1
    ]


def _counted(places: dict[str, set[Hashable]], said: dict[str, tuple[str, ...]]) -> Counter[Any]:
    return Counter((place, said[each]) for each in places for place in places[each])


def _clashes(places: dict[str, set[Hashable]], said: dict[str, tuple[str, ...]]) -> int:
    """By how many experiments places hold more than one of a name."""
    return sum(count - 1 for count in _counted(places, said).values())
