"""What an experiment's networks hold and cost."""

from collections.abc import Mapping
from typing import Any

from sparserl.experiment.budget import ACTOR
from sparserl.experiment.choices import Experiment
from sparserl.experiment.environment import num_made
from sparserl.experiment.matching import matched
from sparserl.experiment.plan import Plan, plan_of


def describe(experiment: Experiment | Plan, asked: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Networks, layers, densities, live weights, parameters and FLOPs of an experiment; trains nothing.

    asked: the parameters that each network was to have alive, where a budget was given; told beside what it has.
    `split` are the parts of actor and critics in all live parameters, None for an agent without an actor. `macs` are
    multiply-accumulates for one observation (two FLOPs each): a convolution's weight is used at every place of its
    output; biases, activations and pooling are not counted. `environments_made` are those of Gymnasium in one run.
    `matched_dense` are dense networks of one common hidden width, or width multiplier, whose parameters, all networks
    together, come nearest to the live ones. `drop_fraction` is that of a method that has one, None for others.
    """
    plan = plan_of(experiment)
    experiment, live = plan.experiment, plan.live_parameters
    shares = {name: count / sum(live.values()) for name, count in live.items()}
    budget = {} if asked is None else {name: {"asked_parameters": count} for name, count in asked.items()}
    return {
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "drop_fraction": getattr(experiment.method, "drop_fraction", None),
        "environment": experiment.environment,
        "sparsity": experiment.sparsity,
        "distribution": experiment.distribution,
        "storage": experiment.storage,
        "experiment_id": plan.identifier,
        "network": experiment.network_name,
        "environments_made": num_made(experiment),
        "networks": {
            name: {**_network(plan, name), "share_of_live_parameters": share, **budget.get(name, {})}
            for name, share in shares.items()
        },
        "split": {"actor": shares[ACTOR], "critics": 1 - shares[ACTOR]} if ACTOR in shares else None,
        "matched_dense": {name: value for name, value in matched(plan)._asdict().items() if value is not None},
    }


def _network(plan: Plan, name: str) -> dict[str, Any]:
    costs, packed = plan.costs_of(name), plan.compressed_layers
    storage = lambda layer: "compressed" if f"{name}/{layer}" in packed else "masked"
    return {
        "layers": [{**cost._asdict(), "shape": list(cost.shape), "storage": storage(cost.name)} for cost in costs],
        "parameters": plan.parameters[name],
        "live_parameters": plan.live_parameters[name],
        "macs": sum(cost.macs for cost in costs),
        "live_macs": sum(cost.live_macs for cost in costs),
    }
