"""Sparsity: masks, how sparse each layer is, how topologies change, what it costs, and the optimizer that masks."""

from sparserl.sparsity.allocation import Bounds, NetworkSize, allocate, check_shares
from sparserl.sparsity.cost import LayerCost, network_cost, stated
from sparserl.sparsity.distributions import Distribution, erk, uniform
from sparserl.sparsity.initializers import sparse_glorot_uniform
from sparserl.sparsity.inner import InnerOptimizer
from sparserl.sparsity.masks import (
    Kernels,
    Masks,
    Sparsities,
    apply_masks,
    dense_count,
    dense_masks,
    drop_and_grow,
    kernels,
    live_count,
    pruned_count,
    random_masks,
    replace_kernels,
    top,
)
from sparserl.sparsity.methods import METHODS, SparseMethod, find_method, leaves_all_alive, method_name, method_names
from sparserl.sparsity.optimizer import SparseOptimizer, SparseState, num_live, topology
from sparserl.sparsity.reading import LayerSummary, Summary
from sparserl.sparsity.schedules import Window, WindowProgress, cosine_decay, cubic_sparsity, moved_count
from sparserl.sparsity.transformation import SparsifyState

__all__ = [
    "METHODS",
    "Bounds",
    "Distribution",
    "InnerOptimizer",
    "Kernels",
    "LayerCost",
    "LayerSummary",
    "Masks",
    "NetworkSize",
    "SparseMethod",
    "SparseOptimizer",
    "SparseState",
    "SparsifyState",
    "Sparsities",
    "Summary",
    "Window",
    "WindowProgress",
    "allocate",
    "apply_masks",
    "check_shares",
    "cosine_decay",
    "cubic_sparsity",
    "dense_count",
    "dense_masks",
    "drop_and_grow",
    "erk",
    "find_method",
    "kernels",
    "leaves_all_alive",
    "live_count",
    "method_name",
    "method_names",
    "moved_count",
    "network_cost",
    "num_live",
    "pruned_count",
    "random_masks",
    "replace_kernels",
    "sparse_glorot_uniform",
    "stated",
    "top",
    "topology",
    "uniform",
]
