"""Names: what tells experiments of one agent, method and sparsity apart, in no more words than that takes."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Identity = tuple[str, ...]
Words = dict[Identity, tuple[str, ...]]

TELLING: Mapping[
    str, Callable[[Any], str]
] = {  # columns in the order in which they are tried, and their values in words
    "distribution": lambda name: "ERK" if name == "erk" else str(name),
    "matches": str,
    "network_kind": str,
    "budget": lambda share: f"budget {_percentages([share])}",
    "actor_share": lambda share: f"actor {_percentages([share])}",
    "live_parameters": "{:,} parameters".format,
    "storage": str,
    "results_version": "results version {}".format,
    "preset": str,
}


def identity(row: Mapping[str, Any]) -> Identity:
    """Agent, method, sparsity, environment, all that tells experiments apart, and the experiment of a row.

    What the row lacks is empty. Rows without an identifier are one experiment only where they are alike in all of it.
    """
    names = ("agent", "method", "sparsity", "environment", *TELLING, "experiment_id")
    return tuple(str(row.get(name, "")) for name in names)


def details(rows: Iterable[Mapping[str, Any]], choices: Sequence[str] = ()) -> dict[Identity, str]:
    """What to say of each experiment beside agent, method and sparsity; nothing where these are enough.

    The same words are said in all environments, so that an experiment has one name in all of them. `choices` are
    further columns that may tell experiments apart. Where no column does, the end of the identifier is said.
    """
    alike: dict[tuple[str, ...], dict[Identity, Mapping[str, Any]]] = {}
    for row in rows:
        alike.setdefault(identity(row)[:3], {}).setdefault(identity(row), row)
    told = [_words(group, choices) for group in alike.values()]
    return {each: " ".join(filter(None, words)) for group in told for each, words in group.items()}


def _words(group: Mapping[Identity, Mapping[str, Any]], choices: Sequence[str]) -> Words:
    words: Words = dict.fromkeys(group, ())
    for column, in_words in {**TELLING, **{name: _named(name) for name in choices}}.items():
        values = {each: row.get(column) for each, row in group.items()}
        longer = {each: (*words[each], "" if value is None else in_words(value)) for each, value in values.items()}
        if len(_counted(longer)) > len(_counted(words)):
            words = longer
    counts = _counted(words)
    return {each: (*said, f"[{each[-1][-8:]}]") if counts[each[3], said] > 1 else said for each, said in words.items()}


def _named(choice: str) -> Callable[[Any], str]:
    """How a choice is said with its value: `interval updates 50`."""
    name = choice.rpartition(".")[2].replace("_", " ")
    return lambda value: f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"


def _counted(words: Words) -> Counter[tuple[str, tuple[str, ...]]]:
    """How many experiments of an environment are told by the same words."""
    return Counter((each[3], said) for each, said in words.items())


def dense_name(role: str, matches: Sequence[Mapping[str, Any]] = ()) -> str:
    """`Dense, 100 %`, or `Dense, as many parameters as 90 %`, by its role and by what it matches.

    Distributions are not said: sparse networks of one sparsity have about as many parameters whatever theirs is. Dense
    networks of another size, which match nothing, are `Dense` alone.
    """
    if role == "full-dense":
        return "Dense, 100 %"
    if not matches:
        return "Dense"
    by_last: dict[bool, set[float]] = {}
    for match in matches:
        by_last.setdefault(bool(match.get("dense_last_layer")), set()).add(float(match["sparsity"]))
    said: dict[tuple[float, ...], list[bool]] = {}
    for last, sparsities in sorted(by_last.items()):
        said.setdefault(tuple(sorted(sparsities)), []).append(last)
    parts = [_percentages(sparsities) + _last_layer(lasts) for sparsities, lasts in said.items()]
    return f"Dense, as many parameters as {' and '.join(parts)}"


def _percentages(sparsities: Sequence[float]) -> str:
    """`90 %`, `80 and 90 %`, `50, 80 and 90 %`."""
    *front, last = [f"{100 * sparsity:.4g}" for sparsity in sparsities]
    return f"{', '.join(front)} and {last} %" if front else f"{last} %"


def _last_layer(lasts: Sequence[bool]) -> str:
    """Nothing where all layers are sparse, or where it makes no difference."""
    return " with a dense last layer" if list(lasts) == [True] else ""
