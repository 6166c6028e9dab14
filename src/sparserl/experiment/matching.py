"""Matching: the dense network that holds as many parameters as a sparse one has alive."""

import dataclasses
import math
from typing import NamedTuple

from sparserl.experiment.choices import Experiment, canonical
from sparserl.experiment.planning import (
    by_name,
    make_networks,
    nominal_sparsities,
    planned,
    specification,
)
from sparserl.networks import MLPSettings, Sized, matched_multiplier, matched_width
from sparserl.sparsity import find_method, live_count


class Matched(NamedTuple):
    """A dense experiment's width and the parameters of all its networks together; the other width is None.

    `hidden_units` is common to all hidden layers of an MLP; `width` multiplies those of a CNN or ResNet.
    """

    hidden_units: int | None
    width: float | None
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
    sparsities = nominal_sparsities(experiment, networks)
    count = live_count if experiment.method_name == "dense" else experiment.method.final_live

    def live(name: str, network: Sized) -> int:
        sizes = {f"{name}/{layer}": math.prod(shape) for layer, shape in network.layer_shapes.items()}
        dead = (size - count(size, sparsities[layer]) for layer, size in sizes.items() if layer in sparsities)
        return network.num_parameters() - sum(dead)

    return {name: live(name, network) for name, network in by_name(networks).items()}


def matched(experiment: Experiment) -> Matched:
    """The common width of dense networks whose parameters, all together, come nearest to the live ones.

    A CNN or ResNet is scaled in steps of a thousandth, all layers alike, as in the published code (Deviation 24).
    """
    spec, wanted = specification(experiment), sum(wanted_parameters(experiment).values())

    def parameters(width: float) -> int:
        networks = make_networks(of_widths(experiment, width, width), spec)
        return sum(network.num_parameters() for network in by_name(networks).values())

    if isinstance(experiment.network, MLPSettings):
        hidden_units = matched_width(parameters, wanted)
        return Matched(hidden_units, None, parameters(hidden_units))
    multiplier = matched_multiplier(parameters, wanted)
    return Matched(None, multiplier, parameters(multiplier))


def matched_dense(experiment: Experiment, template: Experiment | None = None) -> Experiment:
    """The dense experiment of as many parameters as are alive in `experiment`: one common width, planned.

    template: the dense experiment that gives all other choices, as dense training has hyperparameters of its own;
    None: those of `experiment`. All experiments with the same number of live parameters have the same dense one.
    """
    dense = experiment if template is None else template
    if dense.method_name != "dense":
        dense = dataclasses.replace(dense, method=find_method("dense")(), storage="auto", compressed_layers=())
    hidden_units, multiplier, _ = matched(experiment)
    width = multiplier if hidden_units is None else hidden_units
    assert width is not None
    return planned(canonical(of_widths(dense, width, width)))


def of_widths(experiment: Experiment, actor_width: float, critic_width: float) -> Experiment:
    """The experiment with as many layers as before: those of an MLP equally wide, a CNN or ResNet scaled by the width.

    Whole numbers for an MLP.
    """
    if not isinstance(experiment.network, MLPSettings):
        return dataclasses.replace(experiment, network=dataclasses.replace(experiment.network, width=actor_width))
    widths = experiment.critic_hidden_units or experiment.network.hidden_units
    actor = (int(actor_width),) * len(experiment.network.hidden_units)
    critic = (int(critic_width),) * len(widths)
    return dataclasses.replace(
        experiment,
        network=dataclasses.replace(experiment.network, hidden_units=actor),
        critic_hidden_units=() if critic == actor else critic,  # () is as the actor's: one experiment, one id
    )
