"""Experiments of the published tables, with single choices replaced."""

import dataclasses
import typing
from typing import Any

from sparserl.experiment.choices import Experiment
from sparserl.experiment.kinds import AGENTS
from sparserl.experiment.setting import with_choices
from sparserl.presets import NETWORKS, NetworkName, PresetName
from sparserl.types import UserError


def from_preset(
    agent: str, method: str, environment: str, /, preset: PresetName = "paper", **choices: Any
) -> Experiment:
    """The experiment of the published tables, with `choices` replacing single ones; nested ones are named with dots.

    A network may be given by its name alone, "mlp", "cnn" or "resnet": its table then decides the other choices, too.
    Raises UserError for a name that is not there, with the nearest, and for a choice that is not of its type.
    """
    network = choices.pop("network") if isinstance(choices.get("network"), str) else None
    known = (("agent", agent, AGENTS), ("preset", preset, typing.get_args(PresetName)), ("network", network, NETWORKS))
    if agent not in AGENTS and method in AGENTS:
        raise UserError(f"agent comes before method: write {method!r}, {agent!r}", field="agent", value=agent)
    for what, name, names in known[: 2 if network is None else 3]:
        if name not in names:
            raise UserError(field=what, value=name, allowed=names)
    if not isinstance(environment, str):
        raise UserError("it takes a name, such as 'CartPole-v1'", field="environment", value=environment)
    table = AGENTS[agent].table(method, preset, environment, typing.cast(NetworkName | None, network))
    fields = {field.name: getattr(table, field.name) for field in dataclasses.fields(table)}
    return with_choices(Experiment(**{**fields, "environment": environment}), choices)
