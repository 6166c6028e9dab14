"""Numbers as C reads them: arrays as tables."""

from typing import NamedTuple

import numpy as np

COLUMNS = 116  # of a line of numbers


class Table(NamedTuple):
    """A constant array of C. told: what it holds, in words."""

    name: str
    type: str
    size: int
    numbers: str
    told: str = ""


def table(name: str, array: np.ndarray, told: str = "") -> Table:
    """An array, float32 or integers, in the order of its memory."""
    flat = array.ravel()
    kind = "float" if flat.dtype == np.float32 else f"{flat.dtype}_t"
    words = [literal(number) for number in flat] if kind == "float" else list(map(str, flat.tolist()))
    return Table(name, kind, len(flat), _lines(words), told)


def literal(number: float) -> str:
    """A float32 by the decimal number that reads back as it; hexadecimal ones are no C++ before 2017."""
    text = f"{number:.9g}"
    if f"{number:.8g}" != text and np.float32(f"{number:.8g}") == np.float32(number):
        text = f"{number:.8g}"
    return f"{text}f" if any(sign in text for sign in ".e") else f"{text}.0f"


def _lines(words: list[str]) -> str:
    lines, line = list[str](), "   "
    for word in words:
        if len(line) + len(word) + 2 > COLUMNS:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([*lines, line])
