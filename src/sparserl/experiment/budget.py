"""Budgets: what all networks of an experiment may hold together, and the actor's part of it."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import NamedTuple

from sparserl.experiment.choices import Experiment
from sparserl.experiment.environment import specification
from sparserl.experiment.kinds import Networks, by_name
from sparserl.experiment.matching import of_widths, parameters_of_widths
from sparserl.experiment.plan import make_networks
from sparserl.networks import matched_width
from sparserl.sparsity import Bounds, Distribution, NetworkSize, allocate, check_shares
from sparserl.types import EnvSpec, Field, UserError

ACTOR = "actor"  # the network whose share of a budget is chosen; all others have equal parts of the rest


class Budget(NamedTuple):
    """What `--budget` and `--actor-share` were, and the parameters that each network is to have by them."""

    budget_fraction: float
    actor_share: float | None
    asked_parameters: Mapping[str, float]


def with_budget(experiment: Experiment, actor_share: float | None, budget_fraction: float) -> Experiment:
    """The experiment whose networks hold a budget of parameters together: by sparsities, or by widths where dense.

    budget_fraction: of the parameters of all networks as they are in `experiment`, dense, biases included. actor_share:
    the actor's fraction of the budget; None: as when dense. Sparsities are those of the layers that are not kept dense;
    widths are those of all hidden layers of a network. Raises UserError with the range of what can be had. Graesser et
    al. 2022, figure 3 (Deviation 36).
    """
    spec = specification(experiment)
    networks = make_networks(experiment, spec)
    shares = _shares(experiment, networks, actor_share, budget_fraction)
    if experiment.is_dense:
        return _with_widths_of_budget(experiment, spec, shares, budget_fraction, sum(_parameters(networks).values()))
    return _with_sparsities_of_budget(experiment, networks, shares, budget_fraction)


def asked_parameters(experiment: Experiment, actor_share: float | None, budget_fraction: float) -> dict[str, float]:
    """The parameters that `with_budget` is to leave alive, biases included, by network; they may be fractions."""
    networks = make_networks(experiment, specification(experiment))
    budget = budget_fraction * sum(_parameters(networks).values())
    return {name: part * budget for name, part in _shares(experiment, networks, actor_share, budget_fraction).items()}


def _shares(
    experiment: Experiment, networks: Networks, actor_share: float | None, budget_fraction: float
) -> dict[str, float]:
    """The fraction of the budget that each network is to have."""
    dense = _parameters(networks)
    if ACTOR not in dense:
        raise UserError(
            f"agent {experiment.agent_name} has neither actor nor critic",
            field="budget_fraction",
            value=budget_fraction,
        )
    _check_fraction("budget_fraction", budget_fraction)
    if actor_share is not None:
        _check_fraction("actor_share", actor_share)
    share = dense[ACTOR] / sum(dense.values()) if actor_share is None else actor_share
    return {name: share if name == ACTOR else (1 - share) / (len(dense) - 1) for name in dense}


def _check_fraction(name: str, value: float) -> None:
    if not 0 < value <= 1:
        percent = f"; {value:g} % is {value / 100:g}" if 1 < value <= 100 else ""
        raise UserError(f"it is a fraction, above 0 and at most 1{percent}", field=name, value=value)


def _parameters(networks: Networks) -> dict[str, int]:
    return {name: network.num_parameters() for name, network in by_name(networks).items()}


def _with_sparsities_of_budget(
    experiment: Experiment, networks: Networks, shares: Mapping[str, float], budget_fraction: float
) -> Experiment:
    if experiment.layer_sparsities and not experiment.rebudget:
        raise UserError(
            "it can be kept only where the other layers make up for ",
            Field("layer_sparsities"),
            ", so choose ",
            Field("rebudget", True),
            field="budget_fraction",
            value=budget_fraction,
        )
    distribution, sizes = Distribution(dense_last_layer=experiment.dense_last_layer), {}
    for name, network in by_name(networks).items():
        weights = sum(math.prod(shape) for shape in distribution.maskable(network.layer_shapes).values())
        sizes[name] = NetworkSize(weights, network.num_parameters() - weights)
    sparsities = allocate(sizes, shares, budget_fraction)
    return dataclasses.replace(
        experiment,
        sparsity=round(1 - budget_fraction, 12),  # decides nothing here, but names the experiment and its curves
        actor_sparsity=sparsities[ACTOR],
        critic_sparsity=next(value for name, value in sparsities.items() if name != ACTOR),
    )


def _with_widths_of_budget(
    experiment: Experiment, spec: EnvSpec, shares: Mapping[str, float], budget_fraction: float, total: int
) -> Experiment:
    """Networks of widths that hold the budget; `total` parameters are in them as they are."""
    of_width = functools.cache(lambda width: parameters_of_widths(experiment, spec, width, width))
    parameters = lambda name, width: of_width(width)[name]
    check_shares({name: Bounds(parameters(name, 1), total) for name in shares}, shares, budget_fraction, total)
    widths = {
        name: matched_width(functools.partial(parameters, name), share * budget_fraction * total)
        for name, share in shares.items()
    }
    critic_width = next(width for name, width in widths.items() if name != ACTOR)
    return dataclasses.replace(of_widths(experiment, widths[ACTOR], critic_width), sparsity=0.0)
