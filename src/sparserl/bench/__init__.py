"""Bench: the time and memory that truly sparse networks take, beside dense ones in the same run."""

from sparserl.bench.choices import BENCHES, BenchOptions, BreakEven, Inference, KernelProducts, Updates
from sparserl.bench.processes import run

__all__ = ["BENCHES", "BenchOptions", "BreakEven", "Inference", "KernelProducts", "Updates", "run"]
