"""What an experiment's networks hold and cost."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from sparserl.experiment.choices import Experiment
from sparserl.experiment.planning import break_evens, layer_densities, make_network, planned, specification
from sparserl.networks import MLP, matched_width
from sparserl.sparsity import live_count, network_cost, pruned_count


def describe(experiment: Experiment) -> dict[str, Any]:
    """Networks, layers, densities, live weights, parameters and FLOPs of an experiment; trains nothing.

    `macs` are multiply-accumulates for one observation (two FLOPs each). `matched_dense` is the dense network of the
    same shape but common hidden width whose parameter count comes nearest to the live parameters.
    """
    experiment = planned(experiment)
    network = make_network(experiment, specification(experiment))
    densities = {name.partition("/")[2]: value for name, value in layer_densities(experiment, network).items()}
    dense = experiment.method_name == "dense"
    count = pruned_count if experiment.method_name == "prune" else live_count
    packed = {name.partition("/")[2] for name in break_evens(experiment, layer_densities(experiment, network))}
    sparse = _network_description(network, densities, count, packed)
    matched = matched_width(lambda width: _resized(network, width).num_parameters(), sparse["live_parameters"])
    return {
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "environment": experiment.environment,
        "sparsity": experiment.sparsity,
        "distribution": experiment.distribution,
        "storage": experiment.storage,
        "experiment_id": experiment.identifier,
        "networks": {"q": _network_description(network, {}, count, set()) if dense else sparse},
        "matched_dense": {"hidden_units": matched, "parameters": _resized(network, matched).num_parameters()},
    }


def _resized(network: MLP, width: int) -> MLP:
    widths = (width,) * len(network.settings.hidden_units)
    return dataclasses.replace(network, settings=dataclasses.replace(network.settings, hidden_units=widths))


def _network_description(
    network: MLP, densities: Mapping[str, float], count: Any, packed: Collection[str]
) -> dict[str, Any]:
    layers = network_cost(network.layer_shapes, densities, count=count)
    biases = network.num_parameters() - sum(layer.weights for layer in layers)
    return {
        "layers": [
            {
                **layer._asdict(),
                "shape": list(layer.shape),
                "storage": "compressed" if layer.name in packed else "masked",
            }
            for layer in layers
        ],
        "parameters": network.num_parameters(),
        "live_parameters": biases + sum(layer.live_weights for layer in layers),
        "macs": sum(layer.macs for layer in layers),
        "live_macs": sum(layer.live_macs for layer in layers),
    }
