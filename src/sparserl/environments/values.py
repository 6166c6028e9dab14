"""Values of Python's own library in snapshots: each is made anew of a few others, by what is in these tables alone."""

import array
import collections
import datetime
import decimal
import fractions
import itertools
import uuid
from collections.abc import Callable
from typing import Any

_reduced = lambda value: value.__reduce__()[1]

FIXED: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    complex: lambda value: (value.real, value.imag),
    decimal.Decimal: lambda value: (str(value),),
    fractions.Fraction: lambda value: (value.numerator, value.denominator),
    range: lambda value: (value.start, value.stop, value.step),
    slice: lambda value: (value.start, value.stop, value.step),
    uuid.UUID: lambda value: (value.hex,),
    **dict.fromkeys((datetime.date, datetime.time, datetime.datetime, datetime.timedelta, datetime.timezone), _reduced),
}
"""What a value that never changes is made of."""

CHANGING: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    bytearray: lambda value: (bytes(value),),
    array.array: lambda value: (value.typecode, value.tobytes()),
}
"""The same of values that may change."""

_SHOWN: tuple[Any, ...] = ({}.values(), {}.items(), range(1), range(2**70), collections.deque())
ITERATORS: tuple[type, ...] = (
    *(type(iter(kind())) for kind in (list, tuple, str, bytes, bytearray, dict, set)),
    *(type(iter(view)) for view in _SHOWN),
    *(type(reversed(kind())) for kind in (list, collections.deque)),
    *(enumerate, zip, map, filter, reversed),
    *(itertools.count, itertools.cycle, itertools.chain, itertools.repeat, itertools.islice, itertools.accumulate),
    *(itertools.product, itertools.permutations, itertools.combinations, itertools.combinations_with_replacement),
    *(itertools.compress, itertools.takewhile, itertools.dropwhile, itertools.filterfalse),
    *(itertools.starmap, itertools.zip_longest),
)
"""Iterators that tell where they are; generators do not."""

_MAKERS: dict[str, Any] = {
    "iter": iter,
    "reversed": reversed,
    **{kind.__name__: kind for kind in (*FIXED, *CHANGING, *ITERATORS)},
}
_MAKERS["array"] = lambda code, content: array.array(code, content)


def taken_apart(iterator: Any) -> tuple[str, tuple[Any, ...], Any] | None:
    """Of an iterator: what makes it, of what, and the state that is set afterwards; None where it does not tell."""
    try:
        maker, parts, *state = iterator.__reduce__()
    except TypeError:  # Python 3.14 and later, of itertools
        return None
    if len(state) > 1 or _MAKERS.get(getattr(maker, "__name__", "")) is not maker:
        return None
    name: str = maker.__name__  # type: ignore[union-attr]
    return name, parts, state[0] if state else None


def made(maker: str, parts: tuple[Any, ...], state: Any = None) -> Any:
    """The value that is made of `parts`. Raises KeyError for another maker."""
    value = _MAKERS[maker](*parts)
    if state is not None:
        value.__setstate__(state)
    return value
