"""Fields: whether what a frozen dataclass of choices holds is of the types that it states, in one rule for all."""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

import numpy as np

from sparserl.errors import UserError, choices_of, takes

_PLAIN = (int, float, str, bool, types.NoneType)
UNFIT: Any = object()  # what does not fit; None may


def check_fields(settings: Any) -> None:
    """Raises UserError for a field whose value is not of the type that its class states.

    To be called first of all in `__post_init__`, as what follows there may compare. Whole numbers may stand for
    numbers. Lists and NumPy's numbers are refused with what to write: they would have no hash, or no JSON.
    """
    kind: Any = type(settings)
    for name, usual, single, hint in _fields(kind):
        value = getattr(settings, name)
        if type(value) in usual:  # NaN, too: ranges refuse it, and say what is allowed
            continue
        if (type(value) is str or (type(value) is tuple and not value)) and value in single:
            continue
        fitted = fit(name, value, hint)
        if fitted is not value and not isinstance(value, int | float) and repr(fitted) != repr(value):
            of_numpy = f"it is of NumPy's type {value.dtype}: " if isinstance(value, np.generic) else ""
            raise UserError(f"{of_numpy}write {fitted!r}", field=name, value=value)


def fit(name: str, value: Any, hint: Any) -> Any:
    """`value` as the type `hint` has it: whole numbers as floats, lists as tuples. Raises UserError where it is not."""
    for kind in _alternatives(hint):
        fitted = fitted_as(kind, value)
        if fitted is not UNFIT:
            return fitted
    raise UserError(takes(hint, value), field=name, value=value, names=choices_of(hint))


def fitted_as(kind: Any, value: Any) -> Any:
    """`value` as a single type has it, or UNFIT."""
    arguments, value = typing.get_args(kind), value.item() if isinstance(value, np.generic) else value
    if getattr(kind, "_is_protocol", False):  # a method of another package, say
        return value if dataclasses.is_dataclass(value) and not isinstance(value, type) else UNFIT
    if typing.get_origin(kind) is typing.Literal:
        return value if any(type(value) is type(known) and value == known for known in arguments) else UNFIT
    if typing.get_origin(kind) is tuple:
        entries = [fitted_as(arguments[0], entry) for entry in value] if isinstance(value, tuple | list) else [UNFIT]
        return UNFIT if any(entry is UNFIT for entry in entries) else tuple(entries)
    if kind is float and type(value) in (int, float):
        return _as_float(value)
    if kind in _PLAIN:
        return value if type(value) is kind else UNFIT
    return value if isinstance(value, kind) else UNFIT


def hints_of(settings: Any) -> Mapping[str, Any]:
    """The types of the fields of a dataclass, by name."""
    kind: Any = type(settings)
    return _type_hints(kind)


_type_hints = functools.cache(typing.get_type_hints)


@functools.cache  # studies make thousands of experiments of a few kinds
def _fields(kind: type) -> tuple[tuple[str, frozenset[type], frozenset[Any], Any], ...]:
    """Of each field: its name, the types and single values that need no second look, and the type that it states."""
    hints = _type_hints(kind)
    return tuple(
        (name, *_usual(hints[name]), hints[name]) for name in (field.name for field in dataclasses.fields(kind))
    )


def _usual(hint: Any) -> tuple[frozenset[type], frozenset[Any]]:
    kinds = {kind for kind in _alternatives(hint) if kind in _PLAIN or dataclasses.is_dataclass(kind)}
    empty = [()] if any(typing.get_origin(kind) is tuple for kind in _alternatives(hint)) else []
    return frozenset(kinds), frozenset([*(word for word in choices_of(hint) if isinstance(word, str)), *empty])


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def _as_float(value: int | float) -> Any:
    try:
        return UNFIT if math.isnan(value) else float(value)
    except OverflowError:  # a whole number with hundreds of digits
        return UNFIT
