"""Choices as plain JSON, and back: frozen dataclasses inside each other, whose lists are tuples."""

import dataclasses
import json
import typing
from collections.abc import Callable, Mapping
from typing import Any

from sparserl.types import UserError, within


def to_plain(value: Any) -> Any:
    """What JSON makes of a choice: lists of tuples, dictionaries of dataclasses."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if dataclasses.is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [to_plain(entry) for entry in value]
    return json.loads(json.dumps(value))


def restored_part(part: str, plain: Any, find: Callable[[str], type]) -> Any:
    """A part of an experiment, an agent say, from plain JSON that has the name of its kind beside its choices."""
    name = plain.get("name") if isinstance(plain, Mapping) else plain
    if not isinstance(plain, Mapping) or not isinstance(name, str):
        raise UserError("it takes choices with the name of what they are of", field=part, value=name)
    cls = find(name)
    with within(part):
        return restored(cls, {choice: value for choice, value in plain.items() if choice != "name"})


def restored(cls: type, plain: Mapping[str, Any]) -> Any:
    """A dataclass from plain JSON, recursively; lists become tuples."""
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]
    if odd := set(plain) ^ set(names):
        raise UserError(f"unknown or missing {', '.join(sorted(odd))} in {cls.__name__}; it has {', '.join(names)}")
    values = {}
    for name, value in plain.items():
        nested = dataclasses.is_dataclass(hints[name]) and isinstance(value, Mapping)
        with within(name):
            inner = restored(hints[name], value) if nested else value
        values[name] = tuple(inner) if isinstance(inner, list) else inner
    return cls(**values)
