"""Numbers as C reads them: arrays as tables."""

from typing import NamedTuple

import numpy as np

COLUMNS = 116  # of a line of numbers


class ConstantArray(NamedTuple):
    """A constant array of C. told: what it holds, in words."""

    name: str
    type: str
    size: int
    numbers: str
    told: str = ""


def table(name: str, array: np.ndarray, told: str = "") -> ConstantArray:
    """An array, float32 or integers, in the order of its memory."""
    flat = array.ravel()
    kind = "float" if flat.dtype == np.float32 else f"{flat.dtype}_t"
    words = [f"{word}f" for word in flat.astype(str)] if kind == "float" else list(map(str, flat.tolist()))
    return ConstantArray(name, kind, len(flat), _lines(words), told)


def literal(number: float) -> str:
    """A float32 by the shortest decimal number that reads back as it; hexadecimal ones are no C++ before 2017."""
    return f"{np.float32(number)!s}f"


def _lines(words: list[str]) -> str:
    lines, line = list[str](), "   "
    for word in words:
        if len(line) + len(word) + 2 > COLUMNS:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([*lines, line])
