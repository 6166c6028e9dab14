"""Diagnostics of one network, layer by layer and as a whole: plain numbers by layer and column.

Masks are given by layer, for every kernel; `None` stands where there is nothing to measure. A layer's numbers include
its biases, except where they are about kernels.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from sparserl.diagnostics.gradients import Moments, signal_to_noise
from sparserl.diagnostics.topologies import History, NumpyMasks, jaccard
from sparserl.diagnostics.units import dormant, effective_rank, singular_values, srank
from sparserl.types import Array, Params

WHOLE = "all"  # the name of the whole network among its layers
Columns = dict[str, float | None]
Layers = Mapping[str, Mapping[str, np.ndarray]]  # arrays by layer, then by name: {"hidden_1": {"kernel": ...}}


def layers(params: Params) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of a tree of parameters by layer and name; an array outside all layers is a layer of its own."""
    by_layer: dict[str, dict[str, np.ndarray]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        *layer, name = (jax.tree_util.keystr((key,), simple=True) for key in path)
        by_layer.setdefault("/".join(layer) or name, {})[name] = np.asarray(leaf)
    return by_layer


def of_weights(params: Params) -> dict[str, Columns]:
    """The L2 norm of the parameters."""
    return _each(layers(params), lambda part: {"weight_norm": _norm(_flat(part))})


def of_gradients(moments: Moments, masks: NumpyMasks) -> dict[str, Columns]:
    """Norms of the mean gradient and mean signal-to-noise ratios, dead weights included.

    `live_` is for what is trained, live weights and (in the norm) biases, `dead_` for dead weights. Paper, section 7.
    """
    means, variances = layers(moments.mean), layers(moments.variance)

    def columns(part: Layers) -> Columns:
        mean, variance = _flat(part), _flat({layer: variances[layer] for layer in part})
        ratio = signal_to_noise(mean, variance)
        of_kernel = _flat(
            {layer: {n: np.full(a.shape, n == "kernel") for n, a in part[layer].items()} for layer in part}
        )
        alive = lambda layer, name, array: masks[layer] if name == "kernel" else np.ones(array.shape, bool)
        live = _flat({layer: {n: alive(layer, n, a) for n, a in part[layer].items()} for layer in part})
        return {
            "gradient_norm": _norm(mean),
            "live_gradient_norm": _norm(mean[live]),
            "signal_to_noise": _mean(ratio),
            "live_signal_to_noise": _mean(ratio[of_kernel & live]),
            "dead_signal_to_noise": _mean(ratio[~live]),
        }

    return _each(means, columns)


def of_activations(hidden: Mapping[str, Array]) -> dict[str, Columns]:
    """Fractions of dormant units, from the hidden layers' activations in order; ranks of the last layer's."""
    thresholds = {"dormant_fraction_0": 0.0, "dormant_fraction_0025": 0.025}

    def columns(part: Mapping[str, Array]) -> Columns:
        units = lambda threshold: np.concatenate([dormant(array, threshold) for array in part.values()])
        return {name: float(units(threshold).mean()) for name, threshold in thresholds.items()}

    measured = {**{layer: columns({layer: hidden[layer]}) for layer in hidden}, WHOLE: columns(hidden)}
    *_, last = hidden.values()
    values = singular_values(last)
    measured[WHOLE] |= {"srank": float(srank(values)), "effective_rank": effective_rank(values)}
    return measured


def of_topology(history: History) -> dict[str, Columns]:
    """How dense the kernels are, how far their topology has moved, and what fraction of them was ever alive.

    The last is the in-time over-parameterization rate of Liu et al. 2021, "Do We Actually Need Dense
    Over-Parameterization?".
    """

    def columns(names: Any) -> Columns:
        start, before, now, tried = (np.concatenate([masks[n].ravel() for n in names]) for masks in history)
        return {
            "live_density": float(now.mean()),
            "jaccard_to_start": jaccard(start, now),
            "jaccard_to_previous": jaccard(before, now),
            "tried_fraction": float(tried.mean()),
        }

    return {**{name: columns([name]) for name in history.now}, WHOLE: columns(list(history.now))}


def _each(network: Layers, columns: Callable[[Layers], Columns]) -> dict[str, Columns]:
    return {**{layer: columns({layer: network[layer]}) for layer in network}, WHOLE: columns(network)}


def _flat(part: Layers) -> np.ndarray:
    """All numbers of these layers along one axis."""
    return np.concatenate([array.ravel() for arrays in part.values() for array in arrays.values()])


def _norm(values: np.ndarray) -> float:
    return float(np.linalg.norm(values.astype(np.float64)))


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size and np.isfinite(values).all() else None
