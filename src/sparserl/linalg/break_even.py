"""The break-even: how dense a kernel may be for its compressed products to be faster than XLA's dense ones."""

import functools
import json
import math
from importlib import resources

TABLE = "break_even.json"  # set by hand until what `sparserl bench break-even` measures has gone through all tests


@functools.cache
def break_even(shape: tuple[int, int], batch_size: int) -> float:
    """The density up to which an update of a kernel `shape = (in, out)` is faster compressed; 0 where it never is.

    The table has a few sizes only; the nearest one in logarithms of inputs, outputs and batch decides.
    """
    sizes = (*shape, batch_size)
    distance = lambda row: math.dist([math.log(x) for x in row[:3]], [math.log(max(x, 1)) for x in sizes])
    return float(min(_table(), key=distance)[3])


@functools.cache
def _table() -> list[tuple[int, int, int, float]]:
    rows = json.loads((resources.files("sparserl.linalg") / TABLE).read_text())["rows"]
    return [(row["inputs"], row["outputs"], row["batch_size"], row["density"]) for row in rows]
