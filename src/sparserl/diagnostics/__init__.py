"""Diagnostics: what a network's gradients, units and topologies say about how it learns; nothing here trains."""

from sparserl.diagnostics.gradients import Moments, gradient_moments, signal_to_noise
from sparserl.diagnostics.networks import WHOLE, layers, of_activations, of_gradients, of_topology, of_weights
from sparserl.diagnostics.topologies import History, after_update, beginning, jaccard, live_per_unit
from sparserl.diagnostics.units import dormant, effective_rank, singular_values, srank

__all__ = [
    "WHOLE",
    "History",
    "Moments",
    "after_update",
    "beginning",
    "dormant",
    "effective_rank",
    "gradient_moments",
    "jaccard",
    "layers",
    "live_per_unit",
    "of_activations",
    "of_gradients",
    "of_topology",
    "of_weights",
    "signal_to_noise",
    "singular_values",
    "srank",
]
