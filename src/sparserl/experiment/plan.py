"""The plan: all that follows from an experiment before anything is computed, as one value that the rest works from."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from sparserl.experiment.choices import Experiment, canonical
from sparserl.experiment.environment import specification
from sparserl.experiment.kinds import AgentKind, Networks, by_name
from sparserl.experiment.layers import asked_sparsities, compression_limits, typed_limits
from sparserl.experiment.setting import MOST, check_kinds
from sparserl.networks import NetworkSettings, Sized
from sparserl.sparsity import LayerCost, Sparsities, network_cost, stated
from sparserl.types import EnvSpec, Field, UserError, within


class PlannedLayer(NamedTuple):
    """One kernel: its size and cost, with the weights that are alive at the end, and how it gets there.

    sparsity: what is asked of it; None: it is never masked. initial_live: weights that are alive before the first
    update. compressed_up_to: the density up to which it is kept compressed; None: it is a dense array throughout.
    """

    cost: LayerCost
    sparsity: float | None
    initial_live: int
    compressed_up_to: float | None


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """An experiment whose every open question is answered; `plan_of` makes it."""

    experiment: Experiment  # with the storage of every layer decided, so that it is part of the identity of its runs
    identifier: str
    spec: EnvSpec
    networks: Networks
    layers: Mapping[str, PlannedLayer]  # by "network/layer", in the order of computation
    total_updates: int  # gradient updates of the whole run

    @property
    def kind(self) -> AgentKind:
        """What the agent is made of."""
        return self.experiment.kind

    @property
    def sparsities(self) -> Sparsities:
        """What is asked of each layer that can be masked, by "network/layer"."""
        return {name: layer.sparsity for name, layer in self.layers.items() if layer.sparsity is not None}

    @property
    def compressed_layers(self) -> dict[str, PlannedLayer]:
        """Those that are kept compressed, in the end at least."""
        return {name: layer for name, layer in self.layers.items() if layer.compressed_up_to is not None}

    @property
    def parameters(self) -> dict[str, int]:
        """All parameters, biases and dead ones included, by network."""
        return {name: network.num_parameters() for name, network in by_name(self.networks).items()}

    @property
    def live_parameters(self) -> dict[str, int]:
        """Parameters that are alive at the end, biases included, by network."""
        dead = lambda costs: sum(cost.weights - cost.live_weights for cost in costs)
        return {name: total - dead(self.costs_of(name)) for name, total in self.parameters.items()}

    def costs_of(self, network: str) -> list[LayerCost]:
        """The layers of one network."""
        return [layer.cost for name, layer in self.layers.items() if name.startswith(f"{network}/")]


_plans: dict[Experiment, Plan] = {}  # those made in this process, each by its experiment as asked for and as planned


def plan_of(experiment: Experiment | Plan) -> Plan:
    """The plan of an experiment, which is made once; a plan is its own. Raises `UserError` where there can be none."""
    if isinstance(experiment, Plan):
        return experiment
    check_experiment(experiment)
    if experiment not in _plans:
        plan = resolved(experiment, specification(experiment))
        _plans[experiment] = _plans.setdefault(plan.experiment, plan)
    return _plans[experiment]


def canonical_plan(plan: Plan) -> Plan:
    """The plan of the canonical experiment, derived and not made again: a dense one differs in what is asked alone."""
    if not plan.experiment.is_dense:
        return plan
    experiment = canonical(plan.experiment)
    if experiment not in _plans:
        layers = {name: layer._replace(sparsity=0.0) for name, layer in plan.layers.items()}
        _plans[experiment] = dataclasses.replace(
            plan, experiment=experiment, identifier=experiment.identifier, layers=layers
        )
    return _plans[experiment]


def check_experiment(experiment: Any) -> None:
    """Raises UserError for what is no experiment, or has a choice of another type."""
    if not isinstance(experiment, Experiment):
        raise UserError(f"it is of type {type(experiment).__name__}, and must be an Experiment", field="experiment")
    if experiment not in _plans:
        check_kinds(experiment)


def planned(experiment: Experiment) -> Experiment:
    """The same experiment with the storage of every layer decided: what its identifier is of, and what is stored.

    One that says all that comes back as it is, on any machine.
    """
    return experiment if experiment.is_planned else plan_of(experiment).experiment


def resolved(experiment: Experiment, spec: EnvSpec) -> Plan:
    """The plan of an experiment in an environment of `spec`."""
    networks = make_networks(experiment, spec)
    members = by_name(networks)
    shapes = {f"{name}/{layer}": shape for name, net in members.items() for layer, shape in net.layer_shapes.items()}
    sparsities = asked_sparsities(experiment, members)
    limits = compression_limits(experiment, shapes, sparsities)
    storage: Any = "compressed" if limits else "masked"
    decided = dataclasses.replace(experiment, storage=storage, compressed_layers=typed_limits(limits))
    layers = {
        f"{name}/{cost.name}": _layer(decided, f"{name}/{cost.name}", cost, sparsities, limits)
        for name, network in members.items()
        for cost in _costs(decided, name, network, sparsities)
    }
    return Plan(decided, decided.identifier, spec, networks, layers, _total_updates(decided))


def make_networks(experiment: Experiment, spec: EnvSpec) -> Networks:
    """The networks of an experiment's agent. Raises `UserError` where actions or observations are not for it."""
    return networks_with(experiment, spec, experiment.network, experiment.critic_hidden_units)


def networks_with(
    experiment: Experiment, spec: EnvSpec, network: NetworkSettings, critic_hidden_units: tuple[int, ...]
) -> Networks:
    """The same with other choices for the networks than the experiment's."""
    widths: Any = {"hidden_units": critic_hidden_units} if critic_hidden_units else {}
    critic = dataclasses.replace(network, **widths)
    return experiment.kind.networks(experiment.agent, spec, network, critic)


def _costs(experiment: Experiment, name: str, network: Sized, sparsities: Sparsities) -> list[LayerCost]:
    own = {layer: sparsities[f"{name}/{layer}"] for layer in network.layer_shapes if f"{name}/{layer}" in sparsities}
    return network_cost(experiment.method, network.layer_shapes, {} if experiment.is_dense else own, network.positions)


def _layer(
    experiment: Experiment, name: str, cost: LayerCost, sparsities: Sparsities, limits: Mapping[str, float]
) -> PlannedLayer:
    sparsity = sparsities.get(name)
    born = cost.weights if sparsity is None else stated(experiment.method, "initial_live", cost.weights, sparsity)
    return PlannedLayer(cost, sparsity, born, limits.get(name))


def whole_steps(experiment: Experiment) -> int:
    """Steps of every environment in a run: `total_steps` rounded up to whole updates."""
    every = experiment.agent.steps_per_update
    return -(-experiment.total_steps // every) * every


def _total_updates(experiment: Experiment) -> int:
    """Updates of the whole run; a total that never leaves the warm-up, or that int32 cannot hold, is refused."""
    settings = experiment.agent
    with within("agent"):
        total = settings.num_updates(whole_steps(experiment), experiment.num_environments)
    if total < 1:
        raise UserError(
            f"all of it is warm-up; give more than {settings.warmup_steps} steps, or lower ",
            Field("agent.warmup_steps"),
            field="total_steps",
            value=experiment.total_steps,
        )
    steps = whole_steps(experiment) * experiment.num_environments
    for what, count in (("steps of all environments", steps), ("gradient updates", total)):
        if count > MOST:
            raise UserError(
                f"that makes {count:,} {what}, and at most {MOST:,} can be counted",
                field="total_steps",
                value=experiment.total_steps,
            )
    return total
