"""Experiments: from `AGENT METHOD --environment ID ...` to an `Experiment`, for `train` and `describe`."""

import contextlib
import dataclasses
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import tyro

from sparserl.cli.arguments import Option, in_options, options_of, parse
from sparserl.cli.hanging import end_where_hung
from sparserl.engine.settings import Settings
from sparserl.errors import UserError, either
from sparserl.experiment import AGENTS, Budget, Experiment, Plan, asked_parameters, from_preset, plan_of, with_budget
from sparserl.presets import NetworkName, PresetName
from sparserl.sparsity import find_method, method_names

_HELP: Mapping[str, str] = {
    "environment": "What to learn; any registered Gymnasium environment whose actions fit the agent will do.",
    "preset": "The numbers to start from: the paper's tables, those that its published code used, or (SAC, PPO) "
    "Stable-Baselines3's.",
    "network_name": "The kind of network, and its published numbers; cnn and resnet see images (DQN).",
    "sparsity": "Fraction of the weights that are zero, at least 0 and below 1.",
    "actor_sparsity": "The actor's, where it is not --sparsity (SAC, PPO).",
    "critic_sparsity": "Each critic's, or the value network's, where it is not --sparsity (SAC, PPO).",
    "budget": "Parameters of all networks together, biases included, as a fraction of the dense ones' (SAC, PPO); "
    "decides the sparsities or, for dense, the widths.",
    "actor_share": "The actor's fraction of --budget; the critics have equal parts of the rest (SAC, PPO).",
    "critic_hidden_units": "Widths of the hidden layers of critics, or of the value network (SAC, PPO).",
    "distribution": "How the sparsity spreads over layers: erk spares small layers, uniform treats all alike.",
    "total_steps": "Environment steps of the whole training, in each environment.",
    "storage": "Dense arrays with zeros (masked) or live weights only (compressed); auto takes what is faster.",
    "compressed_layers": "Which layers, and up to which density, as in q/hidden_2=0.4; --storage chooses them.",
    "layer_sparsities": "Sparsities of single layers, as in hidden_1=0.5 output=0; the other layers make up for them.",
    "dense_last_layer": "Keep the last layer dense; the network is then less sparse than asked.",
    "rebudget": "Whether the other layers make up for --layer-sparsities.",
    "sparsity_aware_initialization": "Draw a new sparse layer with the fan-in that its masks leave.",
    "weight_decay": "L2 term in the loss: this times the sum of squared weights.",
    "decayed_layers": "Which layers the weight decay is for.",
    "num_environments": "Environments stepped side by side.",
    "environment_backend": "compiled: in the compiled program; host: in Python; auto: compiled, Pendulum-v1 excepted.",
    "fake_features": "Fraction of the observation's features that are pure noise, 0 to 0.99; they come on top.",
}
_HINTS = {
    "environment": "(required)",
    "layer_sparsities": "(default: none)",
    "compressed_layers": "(default: chosen)",
    "critic_hidden_units": "(default: as the actor's)",
    "actor_share": "(default: as in the dense networks)",
}
_FIRST = ("environment", "sparsity", "distribution", "total_steps")
_NETWORK = "network_name"  # called --network, as that is what it chooses; --network.width and the like are its parts
_BUDGET = {"budget": None, "actor_share": None}  # options that are no choices of an experiment, but decide some
_SPELLED = {  # fields that errors name, and that are not called as their options are
    "environment": Option("--environment", str),
    "preset": Option("--preset", str),
    "network": Option("--network", str),
    "budget_fraction": Option("--budget", float),
}
_SPARSITIES = ("--sparsity", "--actor-sparsity", "--critic-sparsity")  # what a budget decides
_WIDTHS = ("--network.hidden-units", "--critic-hidden-units")  # what it decides, too, for dense


class Command(NamedTuple):
    """What a command line asks for: an experiment that can be run, what is behind it, the command's own options."""

    plan: Plan
    preset: PresetName
    budget: Budget | None
    own: Any


def read_command(
    command: str, words: Sequence[str], own: Any, description: str, verify: Callable[[Plan], object]
) -> Command:
    """The plan of the experiment, and the values of the command's `own` options.

    verify: builds what the command needs of the plan. Raises UserError for what cannot be run.
    """
    end_where_hung(_hang_seconds(words))
    help_asked = not {"-h", "--help"}.isdisjoint(words)
    agent, method, rest = _agent_and_method(command, words, help_asked)
    named = f"{agent} {method}" if len(rest) == len(words) - 2 else "AGENT METHOD"
    environment, preset = _given("environment", rest), _given("preset", rest) or "paper"
    network = _given("network", rest)
    of_network = {} if network is None else {"network": network}
    with in_options(_SPELLED):
        template = from_preset(
            agent, method, environment or AGENTS[agent].example, typing.cast(PresetName, preset), **of_network
        )
    options = _options(template, own, preset)
    chosen = vars(parse(options, rest, f"sparserl {command} {named}", description))
    if not environment:  # not before, because it may be there, misspelt
        raise UserError(
            f"--environment is missing: sparserl {command} {agent} {method} --environment {AGENTS[agent].example}"
        )
    with in_options({**options_of(options), **_SPELLED}):
        own = dataclasses.replace(own, **_fields_of(own, chosen))
        experiment = dataclasses.replace(template, **_fields_of(template, chosen))
        budget = _budget(experiment, chosen["budget"], chosen["actor_share"], rest)
        if budget:
            experiment = with_budget(experiment, budget.actor_share, budget.budget_fraction)
        plan = plan_of(_stored_for_gpu(experiment) if chosen.get("device") == "gpu" else experiment)
        verify(plan)
    return Command(plan, chosen["preset"], budget, own)


def _stored_for_gpu(experiment: Experiment) -> Experiment:
    """The experiment with masked kernels, which auto means there. Raises UserError where compressed ones are wanted."""
    if experiment.storage == "compressed" or experiment.compressed_layers:
        raise UserError("compressed kernels are for CPUs; choose masked or auto", field="storage", value="compressed")
    return dataclasses.replace(experiment, storage="masked")


def _budget(
    experiment: Experiment, budget_fraction: float | None, actor_share: float | None, words: Sequence[str]
) -> Budget | None:
    """The budget that was asked for, if any; UserError where other words ask for what it decides."""
    if budget_fraction is None:
        if actor_share is not None:
            raise UserError(
                "it is a fraction of the budget; give that, too, as in --budget 0.2",
                field="actor_share",
                value=actor_share,
            )
        return None
    asked = asked_parameters(experiment, actor_share, budget_fraction)
    typed = {word.partition("=")[0].replace("_", "-") for word in words}
    decided = [*_SPARSITIES, *(_WIDTHS if experiment.is_dense else ())]
    if twice := [option for option in decided if option in typed]:
        raise UserError(f"it decides {twice[0]}; give only one of the two", field="budget", value=budget_fraction)
    return Budget(budget_fraction, actor_share, asked)


def _fields_of(options: Any, chosen: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: chosen[field.name] for field in dataclasses.fields(options) if field.name in chosen}


def _agent_and_method(command: str, words: Sequence[str], help_asked: bool) -> tuple[str, str, list[str]]:
    """The two words in front, and the others; where only help is asked for, they may be missing."""
    count = next((i for i, word in enumerate(words[:2]) if word.startswith("-")), min(len(words), 2))
    names = [*words[:count], *("dqn", "rigl")[count:]]
    if count < 2 and not help_asked:
        missing = "AGENT and METHOD come first" if count == 0 else f"METHOD is missing after {names[0]!r}"
        example = f"sparserl {command} {names[0] if names[0] in AGENTS else 'dqn'} rigl --environment CartPole-v1"
        raise UserError(f"{missing}, as in {example}; METHOD is {either(method_names())}")
    if names[0] not in AGENTS:
        if names[1] in AGENTS and names[0] in method_names():
            raise UserError(f"AGENT comes before METHOD: sparserl {command} {names[1]} {names[0]}")
        raise UserError(field="agent", value=names[0], allowed=AGENTS)
    find_method(names[1])
    if words[2:3] and "environment" not in _names_of(words) and not words[2].startswith("-") and "=" not in words[2]:
        raise UserError(f"unexpected word {words[2]!r}: environments are named by --environment {words[2]}")
    return names[0], names[1], list(words[count:])


def _names_of(words: Sequence[str]) -> set[str]:
    """The options among words."""
    return {word.partition("=")[0].removeprefix("--").replace("_", "-") for word in words if word.startswith("--")}


def _given(name: str, words: Sequence[str]) -> str | None:
    """The value of an option that must be known before the others can be read; the last one counts."""
    value = None
    for index, word in enumerate(words):
        option, joint, given = word.partition("=")
        if option.replace("_", "-") == f"--{name}":
            value = given if joint else "".join(words[index + 1 : index + 2])
    return value


def _hang_seconds(words: Sequence[str]) -> float:
    """What is asked for, if it is a number; whether it is one is told later."""
    with contextlib.suppress(ValueError, UserError):
        return Settings(hang_seconds=float(_given("hang-seconds", words) or "")).hang_seconds
    return Settings.hang_seconds


def _options(template: Experiment, own: Any, preset: str) -> Any:
    """The experiment's choices and the command's own options as one flat dataclass, whose nested ones stay nested."""
    choices = {name: value for name, value in vars(template).items() if not _without_choices(value)}
    hints = typing.get_type_hints(Experiment) | {"preset": PresetName} | dict.fromkeys(_BUDGET, float | None)
    hints |= {name: type(getattr(template, name)) for name in ("agent", "method", "network")} | {_NETWORK: NetworkName}
    types = {name: Annotated[hint, _explanation(name)] for name, hint in hints.items()}
    types |= typing.get_type_hints(type(own), include_extras=True)
    named = {"preset": preset, _NETWORK: template.network_name}
    values = {name: choices[name] for name in _FIRST} | named | vars(own) | _BUDGET | choices
    cls = dataclasses.make_dataclass("Options", [(name, types[name]) for name in values], frozen=True)
    return cls(**values)


def _explanation(name: str) -> Any:
    spelled = "network" if name == _NETWORK else None
    return tyro.conf.arg(name=spelled, help=_HELP.get(name), help_behavior_hint=_HINTS.get(name))


def _without_choices(value: Any) -> bool:
    return dataclasses.is_dataclass(value) and not dataclasses.fields(value)
