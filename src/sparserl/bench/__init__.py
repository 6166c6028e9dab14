"""Bench: the time and memory that truly sparse networks take, beside dense ones in the same run."""

from sparserl.bench.choices import BENCHES, BreakEven, Inference, Kernels, Options, Updates
from sparserl.bench.processes import run

__all__ = ["BENCHES", "BreakEven", "Inference", "Kernels", "Options", "Updates", "run"]
