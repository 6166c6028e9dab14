"""States of NumPy's random generators that come from a file: NumPy reads memory wherever a position in them points."""

import random
from typing import Any

import numpy as np

OF_PYTHON: random.Random = random.random.__self__  # type: ignore[attr-defined]  # the generators that functions of
OF_NUMPY: np.random.RandomState = np.random.normal.__self__  # type: ignore[attr-defined]  # both modules draw from
_NUMBERS = {"MT19937": 624, "Philox": 4}  # that a generator has drawn ahead


def checked(state: Any) -> Any:
    """The same state of a bit generator or `RandomState`. Raises ValueError where it points outside of its numbers."""
    match state:
        case {"bit_generator": "MT19937", "state": {"pos": position}} | {
            "bit_generator": "Philox",
            "buffer_pos": position,
        }:
            last = _NUMBERS[state["bit_generator"]]
            if type(position) is not int or not 0 <= position <= last:
                raise ValueError(f"a random generator {state['bit_generator']} is at {position!r}: not in 0 to {last}")
        case {"bit_generator": "PCG64" | "PCG64DXSM" | "SFC64"}:
            pass
        case _:
            raise ValueError("a random generator has a state that is none of NumPy's")
    return state
