"""Diagnostics: what gradients, units and topologies of a network tell of how it learns; nothing here trains."""

from sparserl.diagnostics.gradients import Moments, gradient_moments, signal_to_noise
from sparserl.diagnostics.networks import WHOLE, layers, of_activations, of_gradients, of_topology, of_weights
from sparserl.diagnostics.observation_noise import (
    Arithmetic,
    NoisyObservations,
    deviation_of,
    has_pixels,
    no_spread,
    with_observations,
)
from sparserl.diagnostics.topologies import History, after_update, beginning, jaccard
from sparserl.diagnostics.units import dormant, effective_rank, singular_values, srank

__all__ = [
    "WHOLE",
    "Arithmetic",
    "History",
    "Moments",
    "NoisyObservations",
    "after_update",
    "beginning",
    "deviation_of",
    "dormant",
    "effective_rank",
    "gradient_moments",
    "has_pixels",
    "jaccard",
    "layers",
    "no_spread",
    "of_activations",
    "of_gradients",
    "of_topology",
    "of_weights",
    "signal_to_noise",
    "singular_values",
    "srank",
    "with_observations",
]
