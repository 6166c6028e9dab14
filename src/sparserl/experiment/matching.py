"""Matching: the dense network that holds as many parameters as a sparse one has alive."""

import dataclasses
from typing import Any, NamedTuple

from sparserl.experiment.choices import Experiment, canonical
from sparserl.experiment.kinds import by_name
from sparserl.experiment.plan import Plan, networks_with, plan_of, planned
from sparserl.networks import CNNSettings, MLPSettings, ResNetSettings, matched_multiplier, matched_width
from sparserl.sparsity import find_method, live_count
from sparserl.types import Box, EnvSpec


class Matched(NamedTuple):
    """A dense experiment's width and the parameters of all its networks together; the other width is None.

    `hidden_units` is common to all hidden layers of an MLP; `width` multiplies those of a CNN or ResNet.
    """

    hidden_units: int | None
    width: float | None
    parameters: int


def matched(experiment: Experiment | Plan) -> Matched:
    """The common width of dense networks whose parameters, all together, come nearest to the live ones.

    For a method that leaves all alive these are the ones that its sparsity would leave. A CNN or ResNet is scaled in
    steps of a thousandth, all layers alike, as in the published code (Deviation 24).
    """
    plan = plan_of(experiment)
    choices, wanted = plan.experiment, _wanted(plan)
    key = (choices.kind.networks, choices.agent, choices.network, choices.critic_hidden_units, _key(plan.spec), wanted)
    if key not in _matched:
        _matched[key] = _searched(choices, plan.spec, wanted)
    return _matched[key]


_matched: dict[Any, Matched] = {}  # by all that decides it: methods, lengths and studies share them


def _searched(experiment: Experiment, spec: EnvSpec, wanted: int) -> Matched:
    parameters = lambda width: sum(parameters_of_widths(experiment, spec, width, width).values())
    if isinstance(experiment.network, MLPSettings):
        hidden_units = matched_width(parameters, wanted)
        return Matched(hidden_units, None, parameters(hidden_units))
    multiplier = matched_multiplier(parameters, wanted)
    return Matched(None, multiplier, parameters(multiplier))


def _key(spec: EnvSpec) -> tuple[Any, ...]:
    """A specification as something that can be looked up; arrays cannot."""
    action = spec.action
    bounds = (action.low.tobytes(), action.high.tobytes()) if isinstance(action, Box) else ()
    return (*spec._replace(action=None), action[0], *bounds)  # type: ignore[arg-type]


def rounds_otherwise(experiment: Experiment | Plan) -> bool:
    """Whether the method leaves other numbers of weights alive than random masks of the same sparsities do."""
    asked = [layer for layer in plan_of(experiment).layers.values() if layer.sparsity is not None]
    return any(layer.cost.live_weights != live_count(layer.cost.weights, layer.sparsity or 0.0) for layer in asked)


def _wanted(plan: Plan) -> int:
    if not plan.experiment.is_dense:
        return sum(plan.live_parameters.values())
    asked = ((layer.cost.weights, layer.sparsity) for layer in plan.layers.values() if layer.sparsity is not None)
    return sum(plan.parameters.values()) - sum(weights - live_count(weights, sparsity) for weights, sparsity in asked)


def parameters_of_widths(
    experiment: Experiment, spec: EnvSpec, actor_width: float, critic_width: float
) -> dict[str, int]:
    """The parameters of each network of `of_widths`."""
    networks = networks_with(experiment, spec, *_at_widths(experiment, actor_width, critic_width))
    return {name: network.num_parameters() for name, network in by_name(networks).items()}


def matched_dense(experiment: Experiment | Plan, template: Experiment | None = None) -> Experiment:
    """The dense experiment of as many parameters as are alive in `experiment`: one common width, planned.

    template: the dense experiment that gives all other choices, as dense training has hyperparameters of its own;
    None: those of `experiment`. All experiments with the same number of live parameters have the same dense one.
    """
    plan = plan_of(experiment)
    dense = plan.experiment if template is None else template
    if not dense.is_dense:
        dense = dataclasses.replace(dense, method=find_method("dense")(), storage="auto", compressed_layers=())
    return planned(canonical(of_widths(dense, width := _matched_width(plan), width)))


def matched_networks(experiment: Experiment | Plan) -> Experiment:
    """The experiment with the networks of its matched dense one: to compare with others, and not planned."""
    plan = plan_of(experiment)
    return of_widths(plan.experiment, width := _matched_width(plan), width)


def _matched_width(plan: Plan) -> float:
    """What is common to all networks of the matched dense experiment: hidden units, or the multiplier of a width."""
    hidden_units, multiplier, _ = matched(plan)
    width = multiplier if hidden_units is None else hidden_units
    assert width is not None
    return width


def of_widths(experiment: Experiment, actor_width: float, critic_width: float) -> Experiment:
    """The experiment with as many layers as before: those of an MLP equally wide, a CNN or ResNet scaled by the width.

    Whole numbers for an MLP.
    """
    network, critic = _at_widths(experiment, actor_width, critic_width)
    return dataclasses.replace(experiment, network=network, critic_hidden_units=critic)


def _at_widths(
    experiment: Experiment, actor_width: float, critic_width: float
) -> tuple[MLPSettings | CNNSettings | ResNetSettings, tuple[int, ...]]:
    """The choices of `of_widths`: `network` and `critic_hidden_units`."""
    if not isinstance(experiment.network, MLPSettings):
        return dataclasses.replace(experiment.network, width=actor_width), experiment.critic_hidden_units
    widths = experiment.critic_hidden_units or experiment.network.hidden_units
    actor = (int(actor_width),) * len(experiment.network.hidden_units)
    critic = (int(critic_width),) * len(widths)
    network = dataclasses.replace(experiment.network, hidden_units=actor)
    return network, () if critic == actor else critic  # () is as the actor's: one experiment, one id
