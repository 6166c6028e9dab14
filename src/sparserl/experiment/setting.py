"""Setting choices by name: `total_steps`, or `method.drop_fraction` for one inside another, each of its own type."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sparserl.errors import UserError, either, within
from sparserl.fields import UNFIT, fit, fitted_as, hints_of

T = TypeVar("T")
MOST = 2**31 - 1  # of an int32
LARGEST_SEED = 2**32 - 1  # JAX would take the rest of a larger number


def with_choices(settings: T, choices: Mapping[str, Any]) -> T:
    """A frozen dataclass with some choices replaced, those inside others named with dots.

    Whole numbers and lists become floats and tuples where the field is one, so that equal choices have equal
    identities. Raises UserError for names that are not there, with the nearest, and for values of another type.
    """
    return _replaced(settings, {name: fit(name, value, _hint(settings, name)) for name, value in choices.items()})


def check_types(settings: Any) -> None:
    """Raises UserError for a choice that is not exactly of its type: it would not come back from JSON as it was."""
    for name, value, fitted in _all_fitted(settings):
        if repr(fitted) != repr(value):
            raise UserError(f"write {fitted!r}", field=name, value=value)


def check_kinds(settings: Any) -> None:
    """Raises UserError for a choice that is of another type than its field, and means nothing in that."""
    for _ in _all_fitted(settings):
        pass


def check_number(name: str, value: Any, least: int, most: int) -> int:
    """The whole number, perhaps NumPy's, as Python has it. Raises UserError where it is none, or not in between."""
    number = fitted_as(int, value)
    if number is UNFIT or not least <= number <= most:
        raise UserError(f"it must be a whole number from {least} to {most}", field=name, value=value)
    return int(number)


def _all_fitted(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Name, value, and the value as its type has it, of all choices, those inside others with dots."""
    for field in dataclasses.fields(settings):
        name, value = prefix + field.name, getattr(settings, field.name)
        if dataclasses.is_dataclass(value):
            yield from _all_fitted(value, f"{name}.")
        else:
            yield name, value, fit(name, value, hints_of(settings)[field.name])


def check_counts(settings: Any, prefix: str = "") -> None:
    """Raises UserError for a whole number that compiled programs, which count in 32 bits, do not reach."""
    for name in _field_names(settings.__class__):
        value = getattr(settings, name)
        if isinstance(value, int):
            if value > MOST and name != "replay_capacity_steps":  # cut to what is filled
                raise UserError(f"it must be at most {MOST:,}", field=prefix + name, value=value)
        elif hasattr(value, "__dataclass_fields__"):
            check_counts(value, f"{prefix}{name}.")


def choice_names(settings: Any, prefix: str = "") -> list[str]:
    """The names of all choices of a dataclass, those inside others with dots."""
    names = []
    for name in _field_names(settings.__class__):
        value = getattr(settings, name)
        inner = hasattr(value, "__dataclass_fields__")
        names += choice_names(value, f"{prefix}{name}.") if inner else [prefix + name]
    return names


def unknown_choice(name: str, names: Sequence[str]) -> UserError:
    """The mistake of a name that is not among `names`; a last part alone stands for the whole."""
    return UserError(f"unknown choice {name!r}: choose {either(_beside(name, names))}", value=name, names=names)


def _beside(name: str, names: Sequence[str]) -> list[str]:
    """The names in the same place as `name`; what is inside others is cut to `other.*`."""
    place = name.rpartition(".")[0] + "."
    inside = [known for known in names if known.startswith(place)]
    depth = place.count(".") if inside else 0
    parts = [known.split(".") for known in inside or names]
    return list(dict.fromkeys(".".join(part[: depth + 1]) + ".*" * (len(part) > depth + 1) for part in parts))


@functools.cache  # studies make thousands of experiments of a few kinds
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _hint(settings: Any, name: str) -> Any:
    """The type of a choice."""
    value, hint = settings, None
    for part in name.split("."):
        fields = dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()
        if part not in {field.name for field in fields}:
            raise unknown_choice(name, choice_names(settings))
        hint, value = hints_of(value)[part], getattr(value, part)
    return hint


def _replaced(settings: Any, choices: Mapping[str, Any]) -> Any:
    values: dict[str, Any] = {name: value for name, value in choices.items() if "." not in name}
    for name in dict.fromkeys(name.partition(".")[0] for name in choices if "." in name):
        inner = {key.removeprefix(f"{name}."): value for key, value in choices.items() if key.startswith(f"{name}.")}
        with within(name):
            values[name] = _replaced(values.get(name, getattr(settings, name)), inner)
    return dataclasses.replace(settings, **values)
