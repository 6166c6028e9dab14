"""What an experiment's networks hold and cost."""

from collections.abc import Collection, Mapping
from typing import Any

from sparserl.experiment.budget import ACTOR
from sparserl.experiment.choices import Experiment
from sparserl.experiment.matching import matched
from sparserl.experiment.planning import break_evens, by_name, make_networks, nominal_sparsities, planned, specification
from sparserl.networks import Sized
from sparserl.sparsity import SparseMethod, Sparsities, network_cost


def describe(experiment: Experiment, asked: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Networks, layers, densities, live weights, parameters and FLOPs of an experiment; trains nothing.

    asked: the parameters that each network was to have alive, where a budget was given; told beside what it has.
    `split` are the parts of actor and critics in all live parameters, None for an agent without an actor. `macs` are
    multiply-accumulates for one observation (two FLOPs each): a convolution's weight is used at every place of its
    output; biases, activations and pooling are not counted. `matched_dense` are dense networks of one common hidden
    width, or width multiplier, whose parameters, all networks together, come nearest to the live ones.
    """
    experiment = planned(experiment)
    groups = make_networks(experiment, specification(experiment))
    networks, sparsities = by_name(groups), nominal_sparsities(experiment, groups)
    dense = experiment.method_name == "dense"
    packed = break_evens(experiment, groups, sparsities)
    described = {
        name: _network_description(experiment.method, name, network, {} if dense else sparsities, packed)
        for name, network in networks.items()
    }
    total = sum(network["live_parameters"] for network in described.values())
    shares = {name: network["live_parameters"] / total for name, network in described.items()}
    budget = {} if asked is None else {name: {"asked_parameters": count} for name, count in asked.items()}
    return {
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "environment": experiment.environment,
        "sparsity": experiment.sparsity,
        "distribution": experiment.distribution,
        "storage": experiment.storage,
        "experiment_id": experiment.identifier,
        "network": experiment.network_name,
        "networks": {
            name: {**network, "share_of_live_parameters": shares[name], **budget.get(name, {})}
            for name, network in described.items()
        },
        "split": {"actor": shares[ACTOR], "critics": 1 - shares[ACTOR]} if ACTOR in shares else None,
        "matched_dense": {name: value for name, value in matched(experiment)._asdict().items() if value is not None},
    }


def _network_description(
    method: SparseMethod, name: str, network: Sized, sparsities: Sparsities, packed: Collection[str]
) -> dict[str, Any]:
    prefix = f"{name}/"
    own = {layer.removeprefix(prefix): value for layer, value in sparsities.items() if layer.startswith(prefix)}
    layers = network_cost(method, network.layer_shapes, own, network.positions)
    biases = network.num_parameters() - sum(layer.weights for layer in layers)
    return {
        "layers": [
            {
                **layer._asdict(),
                "shape": list(layer.shape),
                "storage": "compressed" if prefix + layer.name in packed else "masked",
            }
            for layer in layers
        ],
        "parameters": network.num_parameters(),
        "live_parameters": biases + sum(layer.live_weights for layer in layers),
        "macs": sum(layer.macs for layer in layers),
        "live_macs": sum(layer.live_macs for layer in layers),
    }
