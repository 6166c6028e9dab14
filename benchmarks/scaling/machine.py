"""The roofline of one core, measured: its peak by dense products, and bandwidth by a stream over growing working sets.

Bandwidth counts 12 bytes for each element of the triad a = b + s c: two loads and a store, and not what a cache reads
before it writes. Where there is no C compiler the stream is NumPy's sum of two arrays, which says less of small sizes.
"""

import ctypes
import itertools
import math
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

STREAM = Path(__file__).parent / "stream.c"
FLAGS = ("-O3", "-march=native", "-funroll-loops", "-shared", "-fPIC")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
BYTES_OF_ELEMENT = 12  # of the triad: two loads and a store of four bytes
CALL_BYTES = 2**26  # that one call moves at least, so that calling from Python is no part of it
Triad = Callable[[np.ndarray, np.ndarray, np.ndarray, int], None]  # a, b, c, how often


class Machine(NamedTuple):
    """`bandwidth`: bytes of a working set and bytes a second, ascending; `caches`: bytes of each level, of data."""

    peak_flop_per_second: float
    bandwidth: list[tuple[float, float]]
    caches: dict[str, int]
    stream: str  # what it was measured with

    def bytes_per_second(self, working_set_bytes: float) -> float:
        """Between measured sizes by logarithms; outside the nearest."""
        sizes, rates = zip(*self.bandwidth, strict=True)
        return float(np.exp(np.interp(math.log(working_set_bytes), np.log(sizes), np.log(rates))))


def machine(largest_bytes: int, seconds: float) -> Machine:
    """Measure this core; `seconds` is how long each size takes at least."""
    triad, how = triad_of()
    sizes = [2**k for k in range(13, largest_bytes.bit_length())]
    bandwidth = [(float(size), bandwidth_of(triad, size, seconds)) for size in sizes]
    return Machine(peak(seconds), bandwidth, caches(), how)


def peak(seconds: float, sizes: Sequence[int] = (256, 512, 1024)) -> float:
    """The most that a dense product of XLA's or of NumPy's reaches."""
    import jax

    by_xla = jax.jit(lambda a, b: a @ b)
    products: tuple[Callable[..., Any], ...] = (lambda a, b: by_xla(a, b).block_until_ready(), np.matmul)
    best = 0.0
    for size, product in itertools.product(sizes, products):
        a, b = (np.ones((size, size), np.float32) for _ in range(2))
        once = fastest(lambda product=product, a=a, b=b: product(a, b), seconds)  # type: ignore[misc]
        best = max(best, 2.0 * size**3 / once)
    return best


def bandwidth_of(triad: Triad, size_bytes: int, seconds: float) -> float:
    """Bytes a second where three arrays together take so many bytes."""
    length = max(size_bytes // BYTES_OF_ELEMENT, 16)
    a, b, c = (np.full(length, number, np.float32) for number in (0.0, 1.0, 2.0))
    times = max(CALL_BYTES // size_bytes, 1)
    return BYTES_OF_ELEMENT * length * times / fastest(lambda: triad(a, b, c, times), seconds)


def fastest(run: Callable[[], Any], seconds: float) -> float:
    """Seconds of the fastest of many runs: what slows one of them is other programs."""
    run()
    best, until = math.inf, time.perf_counter() + seconds
    while time.perf_counter() < until or math.isinf(best):
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best


def triad_of() -> tuple[Triad, str]:
    """In C where it compiles, and in NumPy where it does not."""
    from sparserl.deploy.c.compiled import compiler
    from sparserl.types import UserError

    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "stream.so"
        try:
            subprocess.run([*compiler(), *FLAGS, STREAM, "-o", library], check=True, capture_output=True)
            in_c = ctypes.CDLL(str(library)).triad
        except (UserError, OSError, subprocess.CalledProcessError):
            return _in_numpy, "NumPy"
    pointer = np.ctypeslib.ndpointer(np.float32, flags="C_CONTIGUOUS")
    in_c.argtypes, in_c.restype = [pointer] * 3 + [ctypes.c_float] + [ctypes.c_size_t] * 2, None
    return lambda a, b, c, times: in_c(a, b, c, 0.5, a.size, times), "C"


def _in_numpy(a: np.ndarray, b: np.ndarray, c: np.ndarray, times: int) -> None:
    for _ in range(times):
        np.add(b, c, out=a)


def caches(folder: Path = CACHES) -> dict[str, int]:
    """Bytes of each level that holds data, as Linux tells them; empty elsewhere."""
    found = {}
    for level in sorted(folder.glob("index*")):
        try:
            kind, number, size = ((level / name).read_text().strip() for name in ("type", "level", "size"))
            if kind != "Instruction":
                found[f"L{number}"] = int(size.removesuffix("K")) * 1024
        except (OSError, ValueError):
            continue
    return found
