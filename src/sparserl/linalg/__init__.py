"""Linear algebra: sparse kernels that are really stored and computed sparsely, and layers that take either kind."""

from sparserl.linalg.break_even import break_even, compression_limits
from sparserl.linalg.compressed import Compressed, all_live, gather, scatter, to_dense, to_mask
from sparserl.linalg.convolutions import Padding, convolve, output_side
from sparserl.linalg.draws import quick
from sparserl.linalg.layout import Layout
from sparserl.linalg.multiplication import affine
from sparserl.linalg.native import build_digest, instruction_set, unavailable_reason
from sparserl.linalg.pooling import max_pool
from sparserl.linalg.products import (
    THIN,
    Activation,
    Layer,
    as_computed,
    dense,
    feed_forward,
    layout_of,
    matmul,
    select,
)

__all__ = [
    "THIN",
    "Activation",
    "Compressed",
    "Layer",
    "Layout",
    "Padding",
    "affine",
    "all_live",
    "as_computed",
    "break_even",
    "build_digest",
    "compression_limits",
    "convolve",
    "dense",
    "feed_forward",
    "gather",
    "instruction_set",
    "layout_of",
    "matmul",
    "max_pool",
    "output_side",
    "quick",
    "scatter",
    "select",
    "to_dense",
    "to_mask",
    "unavailable_reason",
]
