"""The break-even: how dense a kernel may be for its compressed products to be faster than XLA's dense ones."""

import functools
import json
import math
from collections.abc import Mapping
from importlib import resources

from sparserl.types import part_of

TABLE = "break_even.json"  # what `sparserl bench break-even` writes
LIMIT_STEPS = 10_000  # a limit is a part of the identity of an experiment, so it is a short number


@functools.cache
def break_even(shape: tuple[int, int], batch_size: int) -> float:
    """The density up to which an update of a kernel `shape = (in, out)` is faster compressed; 0 where it never is.

    The table has only a few sizes; the nearest, by the logarithms of inputs, outputs and batch, decides.
    """
    sizes = (*shape, batch_size)
    distance = lambda row: math.dist([math.log(x) for x in row[:3]], [math.log(max(x, 1)) for x in sizes])
    return float(min(_table(), key=distance)[3])


def compression_limits(
    shapes: Mapping[str, tuple[int, ...]], densities: Mapping[str, float], batch_size: int, everywhere: bool = False
) -> dict[str, float]:
    """The density up to which to compress, for each dense layer that is sparse and no denser than that.

    The limit is the layer's break-even, rounded up to four decimals; with `everywhere`, every sparse dense layer has
    one. Convolutions, whose kernels have more than two axes, are never compressed.
    """
    limits = {}
    for name, density in densities.items():
        if len(shapes[name]) != 2:
            continue
        num_inputs, num_outputs = shapes[name]
        limit = break_even((num_inputs, num_outputs), batch_size)
        if density < 1 and (everywhere or density <= limit):
            limits[name] = math.ceil(part_of(LIMIT_STEPS, max(density, limit))) / LIMIT_STEPS
    return limits


@functools.cache
def _table() -> list[tuple[int, int, int, float]]:
    rows = json.loads((resources.files("sparserl.linalg") / TABLE).read_text())["rows"]
    return [(row["inputs"], row["outputs"], row["batch_size"], row["density"]) for row in rows]
