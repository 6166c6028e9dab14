"""Bench: what truly sparse networks cost in time and memory, beside dense ones in the same run."""

from sparserl.bench.choices import BENCHES, BreakEven, Inference, Kernels, Options, Updates
from sparserl.bench.processes import run

__all__ = ["BENCHES", "BreakEven", "Inference", "Kernels", "Options", "Updates", "run"]
