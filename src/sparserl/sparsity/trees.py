"""Tree paths as words: which parameter a leaf of an optimizer's state belongs to, and how to name it."""

from collections.abc import Mapping
from typing import Any


def words(path: tuple[Any, ...]) -> tuple[str, ...]:
    """A tree path as plain words: dictionary keys, field names and positions."""
    return tuple(str(getattr(step, "key", getattr(step, "name", getattr(step, "idx", step)))) for step in path)


def owner(words: tuple[str, ...], names: Mapping[tuple[str, ...], Any]) -> tuple[str, ...] | None:
    """The longest parameter path that `words` ends with."""
    tails = (words[start:] for start in range(len(words)))
    return next((tail for tail in tails if tail in names), None)


def place_name(state: Any, path: tuple[Any, ...]) -> str:
    """The innermost named tuple on the way to a leaf, and its field: "FactoredState.v_row"."""
    name = "state"
    for step in path:
        if hasattr(step, "name") and hasattr(state, step.name):
            name, state = f"{type(state).__name__}.{step.name}", getattr(state, step.name)
        else:
            state = state[getattr(step, "key", getattr(step, "idx", None))]
    return name
