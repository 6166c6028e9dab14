"""Choices as plain JSON, and back: frozen dataclasses inside each other, whose lists are tuples."""

import dataclasses
import json
import typing
from collections.abc import Mapping
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


def restored(cls: type, plain: Mapping[str, Any]) -> Any:
    """A dataclass from plain JSON, recursively; lists become tuples."""
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]
    if odd := set(plain) ^ set(names):
        raise UserError(
            f"experiment.json: unknown or missing {', '.join(sorted(odd))} in {cls.__name__}; it has {', '.join(names)}"
        )
    values = {}
    for name, value in plain.items():
        nested = dataclasses.is_dataclass(hints[name]) and isinstance(value, Mapping)
        with within(name):
            inner = restored(hints[name], value) if nested else value
        values[name] = tuple(inner) if isinstance(inner, list) else inner
    return cls(**values)
