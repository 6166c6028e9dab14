"""Units: which are dormant, and in how many dimensions the features of a batch lie."""

import numpy as np

from sparserl.types import Array

SMALLEST_ACTIVITY = 1e-9  # added to a layer's mean activity, as in the published code, lest 0 be divided by 0


def dormant(activations: Array, threshold: float) -> np.ndarray:
    """Which units of a layer are dormant, bool `[units]`, from their activations `[batch, ..., units]`.

    A unit's score is its mean |activation| over that of the layer; it is dormant with a score of at most `threshold`:
    Sokar et al. 2023, "The Dormant Neuron Phenomenon in Deep Reinforcement Learning". In a layer without any activity
    all units are dormant. Places of an image count as further examples.
    """
    activity = np.abs(np.asarray(activations, np.float64)).reshape(-1, np.shape(activations)[-1]).mean(0)
    return activity / (activity.mean() + SMALLEST_ACTIVITY) <= threshold


def singular_values(features: Array) -> np.ndarray:
    """The singular values of a batch of features, `[batch, ...]` as `[batch, units]`, in descending order, float64."""
    return np.linalg.svd(np.asarray(features, np.float64).reshape(len(features), -1), compute_uv=False)


def srank(values: np.ndarray, delta: float = 0.01) -> int:
    """How many of the singular values, in descending order, make up 1 - `delta` of their sum; 0 where all are zero.

    Kumar et al. 2021, "Implicit Under-Parameterization Inhibits Data-Efficient Deep Reinforcement Learning".
    """
    return int(np.argmax(np.cumsum(values) >= (1.0 - delta) * values.sum())) + 1 if values.any() else 0


def effective_rank(values: np.ndarray) -> float:
    """exp(entropy) of the singular values as shares of their sum; 0 where all are zero.

    Roy and Vetterli 2007, "The effective rank: a measure of effective dimensionality".
    """
    shares = values[values > 0] / max(values.sum(), np.finfo(float).tiny)
    return float(np.exp(-(shares * np.log(shares)).sum())) if shares.size else 0.0
