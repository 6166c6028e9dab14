"""Matching: the dense network that holds as many parameters as a sparse one has alive."""

import dataclasses
import math
from typing import NamedTuple

from sparserl.experiment.choices import Experiment, canonical
from sparserl.experiment.planning import by_name, layer_densities, make_networks, planned, specification
from sparserl.networks import MLP, matched_width
from sparserl.sparsity import find_method, live_count, pruned_count


class Matched(NamedTuple):
    """A dense experiment's width, common to all hidden layers, and the parameters of all its networks together."""

    hidden_units: int
    parameters: int


def live_parameters(experiment: Experiment) -> dict[str, int]:
    """Parameters that are alive at the end of training, biases included, by network."""
    networks = make_networks(experiment, specification(experiment))
    if experiment.method_name == "dense":
        return {name: network.num_parameters() for name, network in by_name(networks).items()}
    return wanted_parameters(experiment)


def wanted_parameters(experiment: Experiment) -> dict[str, int]:
    """What the sparsity of an experiment leaves alive, by network; for dense, too, which does not act on it."""
    networks = make_networks(experiment, specification(experiment))
    densities = layer_densities(experiment, networks)
    count = pruned_count if experiment.method_name == "prune" else live_count

    def live(name: str, network: MLP) -> int:
        sizes = {f"{name}/{layer}": math.prod(shape) for layer, shape in network.layer_shapes.items()}
        dead = (size - count(size, densities[layer]) for layer, size in sizes.items() if layer in densities)
        return network.num_parameters() - sum(dead)

    return {name: live(name, network) for name, network in by_name(networks).items()}


def matched(experiment: Experiment) -> Matched:
    """The common width of dense networks whose parameters, all together, come nearest to the live ones."""
    networks = by_name(make_networks(experiment, specification(experiment)))
    of_width = lambda width: sum(_resized(network, width).num_parameters() for network in networks.values())
    width = matched_width(of_width, sum(wanted_parameters(experiment).values()))
    return Matched(width, of_width(width))


def matched_dense(experiment: Experiment, template: Experiment | None = None) -> Experiment:
    """The dense experiment of as many parameters as are alive in `experiment`: one common hidden width, planned.

    template: the dense experiment that gives all other choices, as dense training has hyperparameters of its own;
    None: those of `experiment`. All experiments with the same number of live parameters have the same dense one.
    """
    dense = experiment if template is None else template
    if dense.method_name != "dense":
        dense = dataclasses.replace(dense, method=find_method("dense")(), storage="auto", compressed_layers=())
    width = matched(experiment).hidden_units
    return planned(canonical(of_widths(dense, width, width)))


def of_widths(experiment: Experiment, actor_width: int, critic_width: int) -> Experiment:
    """The experiment with as many hidden layers as before, all those of a network equally wide."""
    actor = (actor_width,) * len(experiment.network.hidden_units)
    critic = (critic_width,) * len(experiment.critic_hidden_units or experiment.network.hidden_units)
    return dataclasses.replace(
        experiment,
        network=dataclasses.replace(experiment.network, hidden_units=actor),
        critic_hidden_units=() if critic == actor else critic,  # () is as the actor's: one experiment, one id
    )


def _resized(network: MLP, width: int) -> MLP:
    widths = (width,) * len(network.settings.hidden_units)
    return dataclasses.replace(network, settings=dataclasses.replace(network.settings, hidden_units=widths))
