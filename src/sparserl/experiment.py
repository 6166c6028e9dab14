"""The hall: an experiment as data, the agent and environments it stands for, and one run of it."""

import dataclasses
import json
import math
import time
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl import environments, persistence, training
from sparserl.agents.dqn import DQN, DQNSettings, num_updates
from sparserl.networks import MLP, MLPSettings, matched_width
from sparserl.presets import PRESETS, AgentSettings, PresetName
from sparserl.sparsity import (
    Distribution,
    InnerOptimizer,
    SparseMethod,
    SparseOptimizer,
    find_method,
    kernels,
    live_count,
    method_name,
    network_cost,
    pruned_count,
    sparse_glorot_uniform,
)
from sparserl.training import EvaluationSettings, LoopState
from sparserl.types import Agent, AgentState, Discrete, Environment, EnvSpec, UserError

RESULTS_VERSION = 1  # raised by every change that moves results (CHANGELOG, "Moves results"); part of the experiment id
AGENTS: Mapping[str, type] = {"dqn": DQNSettings}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Every choice that decides the results of a run, but the seed. Raises `UserError` for one that cannot be run."""

    agent: AgentSettings
    method: SparseMethod
    environment: str
    total_steps: int = 100_000  # per environment, warm-up included
    sparsity: float = 0.9  # fraction of kernel weights that are zero, over the network
    distribution: Literal["erk", "uniform"] = "erk"  # how sparsity spreads over layers
    layer_sparsities: tuple[str, ...] = ()  # overrides, as in hidden_1=0.5; the other layers make up for them
    dense_last_layer: bool = False  # leave the output layer out (Deviation 17)
    rebudget: bool = True  # without it, overridden layers are left out of the budget, as published (Deviation 17)
    sparsity_aware_initialization: bool = True  # fans counted over live weights (Deviation 5)
    storage: Literal["auto", "masked"] = "auto"  # how sparse kernels are kept
    weight_decay: float = 1e-6  # L2 in the loss: weight_decay * sum(w ** 2)
    decayed_layers: Literal["hidden", "all"] = "hidden"  # whose weights decay (Deviation 16)
    network: MLPSettings = MLPSettings()
    optimizer: InnerOptimizer = InnerOptimizer()
    evaluation: EvaluationSettings = EvaluationSettings()
    num_environments: int = 1  # stepped side by side
    environment_backend: Literal["auto", "compiled", "host"] = "auto"  # compiled: JAX; host: Gymnasium

    def __post_init__(self) -> None:
        if not 0 <= self.sparsity < 1:
            raise UserError(f"sparsity is {self.sparsity}: it must lie in [0, 1); 0.9 keeps one weight in ten")
        if self.total_steps < 1:
            raise UserError(f"total_steps is {self.total_steps}: it must be at least 1")
        if self.num_environments < 1:
            raise UserError(f"num_environments is {self.num_environments}: it must be at least 1")
        if self.weight_decay < 0:
            raise UserError(f"weight_decay is {self.weight_decay}: it must not be negative")

    @property
    def agent_name(self) -> str:
        return next(name for name, settings in AGENTS.items() if isinstance(self.agent, settings))

    @property
    def method_name(self) -> str:
        return method_name(self.method)

    def choices(self) -> dict[str, Any]:
        """All choices as plain JSON, with the names of agent and method beside their settings."""
        plain = json.loads(json.dumps(dataclasses.asdict(self)))
        plain["agent"] = {"name": self.agent_name, **plain["agent"]}
        plain["method"] = {"name": self.method_name, **plain["method"]}
        return {"results_version": RESULTS_VERSION, **plain}

    @property
    def identifier(self) -> str:
        """A readable name and a hash of every choice, so that changed defaults never reuse old results."""
        name = f"{self.agent_name}-{self.method_name}-{self.environment}-{self.sparsity:g}"
        return persistence.experiment_id(name, self.choices())

    @staticmethod
    def from_choices(choices: Mapping[str, Any]) -> "Experiment":
        """The experiment that `choices()` describes; unknown or missing fields raise `UserError`."""
        plain = dict(choices)
        version = plain.pop("results_version", None)
        if version != RESULTS_VERSION:
            raise UserError(
                f"results_version is {version}, and this sparserl reads {RESULTS_VERSION}: use the one that wrote it"
            )
        agent, method = dict(plain.pop("agent")), dict(plain.pop("method"))
        settings, method_type = AGENTS[agent.pop("name")], find_method(method.pop("name"))
        return _restored(
            Experiment, {**plain, "agent": _restored(settings, agent), "method": _restored(method_type, method)}
        )


def _restored(cls: type, plain: Mapping[str, Any]) -> Any:
    """A dataclass from plain JSON, recursively; lists become tuples."""
    hints = typing.get_type_hints(cls)
    names = [field.name for field in dataclasses.fields(cls)]
    if odd := set(plain) ^ set(names):
        raise UserError(
            f"experiment.json: unknown or missing {', '.join(sorted(odd))} in {cls.__name__}; it has {', '.join(names)}"
        )
    values = {}
    for name, value in plain.items():
        nested = dataclasses.is_dataclass(hints[name]) and isinstance(value, Mapping)
        values[name] = _restored(hints[name], value) if nested else tuple(value) if isinstance(value, list) else value
    return cls(**values)


def from_preset(
    agent: str, method: str, environment: str, /, preset: PresetName = "paper", **choices: Any
) -> Experiment:
    """The experiment of the published tables, with `choices` replacing single fields."""
    table = PRESETS[agent](method, preset)
    fields = {field.name: getattr(table, field.name) for field in dataclasses.fields(table)}
    return Experiment(**{**fields, "environment": environment, **choices})


class Built(NamedTuple):
    """What an experiment stands for."""

    agent: Agent
    environment: Environment
    evaluation_environment: Environment
    network: MLP
    densities: dict[str, float]


def build(experiment: Experiment) -> Built:
    """Make the environments and the agent; whatever cannot be run is refused here, before any compute."""
    make = lambda num_envs: environments.make(experiment.environment, num_envs, experiment.environment_backend)
    environment = make(experiment.num_environments)
    network = _network(experiment, environment.spec)
    densities = _densities(experiment, network)
    optimizer = _optimizer(experiment, network, densities)
    agent = DQN(experiment.agent, environment.spec, network, optimizer, experiment.num_environments)
    return Built(agent, environment, make(experiment.evaluation.num_episodes), network, densities)


def _network(experiment: Experiment, spec: EnvSpec) -> MLP:
    if not isinstance(spec.action, Discrete):
        agent = experiment.agent_name
        raise UserError(f"agent {agent} needs discrete actions, and environment {spec.identifier} has continuous ones")
    return MLP(experiment.network, spec.observation_shape, spec.action.num_actions)


def _densities(experiment: Experiment, network: MLP) -> dict[str, float]:
    """Nominal density by layer name, over the one network of DQN."""
    distribution = Distribution(
        experiment.distribution,
        _overrides(experiment.layer_sparsities),
        experiment.dense_last_layer,
        experiment.rebudget,
    )
    shapes = {f"q/{name}": shape for name, shape in network.layer_shapes.items()}
    try:
        return distribution.densities(shapes, experiment.sparsity)
    except UserError as error:
        raise UserError(f"layer_sparsities: {error}" if experiment.layer_sparsities else str(error)) from None


def _overrides(texts: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    pairs = []
    for text in texts:
        name, _, value = text.partition("=")
        try:
            pairs.append((name.strip(), float(value)))
        except ValueError:
            raise UserError(f"layer_sparsities has {text!r}: write LAYER=SPARSITY, as in hidden_1=0.5") from None
    return tuple(pairs)


def _total_updates(experiment: Experiment) -> int:
    """Updates of the whole run; a total that never leaves the warm-up is refused."""
    settings = experiment.agent
    every = settings.steps_per_update
    total = num_updates(settings, -(-experiment.total_steps // every) * every)
    if total < 1:
        raise UserError(
            f"total_steps is {experiment.total_steps}, all of it warm-up: give more than "
            f"{settings.warmup_steps} steps, or lower agent.warmup_steps"
        )
    return total


def _optimizer(experiment: Experiment, network: MLP, densities: Mapping[str, float]) -> SparseOptimizer:
    spared = {"output"} if experiment.decayed_layers == "hidden" else set()
    decayed = [f"q/{name}" for name in network.layer_shapes if name not in spared]
    return SparseOptimizer(
        inner=experiment.optimizer.build(),
        method=experiment.method,
        densities=dict(densities),
        total_updates=_total_updates(experiment),
        weight_decay=dict.fromkeys(decayed, experiment.weight_decay),
        initializer=sparse_glorot_uniform if experiment.sparsity_aware_initialization else None,
    )


def describe(experiment: Experiment) -> dict[str, Any]:
    """Networks, layers, densities, live weights, parameters and FLOPs of an experiment; trains nothing.

    `macs` are multiply-accumulates for one observation (two FLOPs each). `matched_dense` is the dense network of the
    same shape but common hidden width whose parameter count comes nearest to the live parameters.
    """
    network = _network(experiment, environments.make(experiment.environment, 1, experiment.environment_backend).spec)
    densities = {name.partition("/")[2]: value for name, value in _densities(experiment, network).items()}
    dense = experiment.method_name == "dense"
    count = pruned_count if experiment.method_name == "prune" else live_count
    sparse = _network_description(network, densities, count)
    matched = matched_width(lambda width: _resized(network, width).num_parameters(), sparse["live_parameters"])
    return {
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "environment": experiment.environment,
        "sparsity": experiment.sparsity,
        "distribution": experiment.distribution,
        "storage": "masked",
        "experiment_id": experiment.identifier,
        "networks": {"q": _network_description(network, {}, count) if dense else sparse},
        "matched_dense": {"hidden_units": matched, "parameters": _resized(network, matched).num_parameters()},
    }


def _resized(network: MLP, width: int) -> MLP:
    widths = (width,) * len(network.settings.hidden_units)
    return dataclasses.replace(network, settings=dataclasses.replace(network.settings, hidden_units=widths))


def _network_description(network: MLP, densities: Mapping[str, float], count: Any) -> dict[str, Any]:
    layers = network_cost(network.layer_shapes, densities, count=count)
    biases = network.num_parameters() - sum(layer.weights for layer in layers)
    return {
        "layers": [{**layer._asdict(), "shape": list(layer.shape)} for layer in layers],
        "parameters": network.num_parameters(),
        "live_parameters": biases + sum(layer.live_weights for layer in layers),
        "macs": sum(layer.macs for layer in layers),
        "live_macs": sum(layer.live_macs for layer in layers),
    }


class RunFailure(Exception):
    """A run that cannot go on, told in one line: it diverged, or its environment broke."""


class Report(NamedTuple):
    """What a run tells at each stop; `evaluation` is a row of the results store where one was due."""

    state: LoopState
    environment_steps: int
    num_updates: int
    last_return: float  # of the training episode that ended last; NaN before the first
    live_density: float
    evaluation: dict[str, Any] | None


def run(experiment: Experiment, seed: int, chunk_steps: int = 1_000) -> Iterator[Report]:
    """One seed from its first step to its last: a report every `chunk_steps` and at each evaluation.

    A report's state is valid until the next one only. The results do not depend on `chunk_steps`. Raises `RunFailure`.
    """
    built, began = build(experiment), time.monotonic()
    train_key, evaluation_key = jax.random.split(jax.random.key(seed))
    state = training.start(built.agent, built.environment, train_key)
    evaluate = training.evaluator(built.agent, built.evaluation_environment, experiment.evaluation.max_episode_steps)
    interval, evaluated = experiment.evaluation.interval_steps, -1

    def report(state: LoopState) -> Report:
        nonlocal evaluated
        num_steps, row = int(state.num_steps), None
        density = live_density(state.agent)
        if num_steps // interval > evaluated or num_steps >= experiment.total_steps:
            evaluated = num_steps // interval
            result = evaluate(jax.random.fold_in(evaluation_key, num_steps), state.agent)
            row = _row(experiment, seed, built, num_steps, result, density, time.monotonic() - began)
        last = np.asarray(state.episodes.last_return)
        mean = float(last[~np.isnan(last)].mean()) if (~np.isnan(last)).any() else math.nan
        steps = num_steps * experiment.num_environments
        return Report(state, steps, built.agent.num_updates(num_steps), mean, density, row)

    yield report(state)
    stops = training.stops(experiment.total_steps, interval, chunk_steps)
    for state, metrics in training.train(built.agent, built.environment, train_key, state, stops):
        _check_health(experiment, built.agent, state, metrics)
        yield report(state)


def _check_health(experiment: Experiment, agent: Agent, state: LoopState, metrics: Mapping[str, Any]) -> None:
    num_steps = int(state.num_steps)
    if not np.asarray(state.healthy).all():
        raise RunFailure(f"environment {experiment.environment} returned NaN or infinity before step {num_steps}")
    if agent.num_updates(num_steps) > 0 and not np.isfinite(np.asarray(metrics["loss"])).all():
        raise RunFailure(f"training diverged before step {num_steps}: the loss is {float(metrics['loss'])}")


def _row(
    experiment: Experiment, seed: int, built: Built, num_steps: int, result: Any, density: float, seconds: float
) -> dict[str, Any]:
    """One evaluation as a row of the results store."""
    returns = np.asarray(result.returns, np.float64)
    return {
        "experiment_id": experiment.identifier,
        "agent": experiment.agent_name,
        "method": experiment.method_name,
        "environment": experiment.environment,
        "sparsity": experiment.sparsity,
        "seed": seed,
        "environment_steps": num_steps * experiment.num_environments,
        "num_updates": built.agent.num_updates(num_steps),
        "mean_return": float(returns.mean()),
        "standard_deviation": float(returns.std()),
        "minimum_return": float(returns.min()),
        "maximum_return": float(returns.max()),
        "num_episodes": len(returns),
        "mean_length_steps": float(np.asarray(result.lengths).mean()),
        "live_density": density,
        "seconds": seconds,
    }


def live_density(state: AgentState) -> float:
    """Fraction of all kernel weights that are alive now."""
    live = total = 0
    for group in state.groups.values():
        masks = group.optimizer_state.masks
        for name, kernel in kernels(group.params).items():
            total += kernel.size
            live += int(np.count_nonzero(np.asarray(masks[name]))) if name in masks else kernel.size
    return live / total


def policy_arrays(state: AgentState) -> dict[str, np.ndarray]:
    """What a finished run keeps: parameters, targets, topologies and optimizer state, by path; no replay."""
    leaves = jax.tree_util.tree_leaves_with_path(state.groups)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}


def rebuild(run_folder: Path) -> tuple[Experiment, Built, AgentState]:
    """The experiment of a stored run, what it stands for, and its trained state (groups only, no replay)."""
    document = persistence.read_experiment(run_folder.parent)
    experiment = Experiment.from_choices(document["choices"])
    arrays, _ = persistence.read_bundle(run_folder / "checkpoint")
    built = build(experiment)
    template = jax.eval_shape(built.agent.init, jax.random.key(0))
    paths, structure = jax.tree_util.tree_flatten_with_path(template.groups)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    if set(names) != set(arrays):
        raise UserError(
            f"{run_folder}/checkpoint does not hold the arrays of {experiment.identifier}: it is from another version"
        )
    groups = jax.tree_util.tree_unflatten(structure, [jnp.asarray(arrays[name]) for name in names])
    return experiment, built, template._replace(**{**dict.fromkeys(template._fields), "groups": groups})
