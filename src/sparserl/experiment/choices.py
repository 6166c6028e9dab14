"""An experiment as data: every choice that decides its results."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal

from sparserl import persistence
from sparserl.environments import MOST_FAKE
from sparserl.experiment.kinds import AGENTS, AgentKind, name_of
from sparserl.experiment.plain import restored, restored_part, to_plain
from sparserl.experiment.setting import check_counts
from sparserl.networks import CNNSettings, MLPSettings, ResNetSettings
from sparserl.presets import NETWORKS, network_name
from sparserl.sparsity import InnerOptimizer, SparseMethod, find_method, leaves_all_alive, method_name
from sparserl.training import EvaluationSettings
from sparserl.types import AgentSettings, Field, UserError, check_fields

RESULTS_VERSION = 5  # raised by every change that moves results (CHANGELOG, "Moves results"); part of the experiment id
EARLIEST_READ = 4  # the first version with the choices of today: what it left is read, and not gone on with


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Every choice that decides the results of a run, but the seed. Raises `UserError` for one that cannot be run."""

    agent: AgentSettings
    method: SparseMethod
    environment: str
    total_steps: int = 100_000  # per environment, warm-up included
    sparsity: float = 0.9  # fraction of kernel weights that are zero, over the network
    actor_sparsity: float | None = None  # of the actor; None: sparsity
    critic_sparsity: float | None = None  # of each critic, or of the value network; None: sparsity
    distribution: Literal["erk", "uniform"] = "erk"  # how sparsity spreads over layers
    layer_sparsities: tuple[str, ...] = ()  # overrides, as in hidden_1=0.5; the other layers make up for them
    dense_last_layer: bool = False  # leave the output layer out (Deviation 17)
    rebudget: bool = True  # without it, overridden layers are left out of the budget, as published (Deviation 17)
    sparsity_aware_initialization: bool = True  # fans counted over live weights (Deviation 5)
    storage: Literal["auto", "masked", "compressed"] = "auto"  # how sparse kernels are kept; the plan decides auto
    compressed_layers: tuple[str, ...] = ()  # with the density up to which they are, as in hidden_2=0.4
    weight_decay: float = 1e-6  # L2 in the loss: weight_decay * sum(w ** 2)
    decayed_layers: Literal["hidden", "all"] = "hidden"  # whose weights decay (Deviation 16)
    network: MLPSettings | CNNSettings | ResNetSettings = MLPSettings()  # the last two: not for every agent
    critic_hidden_units: tuple[int, ...] = ()  # width of each hidden layer of critics or value; none: as network
    optimizer: InnerOptimizer = InnerOptimizer()
    evaluation: EvaluationSettings = EvaluationSettings()
    num_environments: int = 1  # stepped side by side
    environment_backend: Literal["auto", "compiled", "host"] = "auto"  # compiled: JAX; host: Gymnasium
    fake_features: float = 0.0  # fraction of the observation's features that are pure noise, up to 0.99

    def __post_init__(self) -> None:
        check_fields(self)
        check_counts(self)
        for name in ("sparsity", "actor_sparsity", "critic_sparsity"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                percent = f"; {value:g} % is {value / 100:g}" if 1 < value < 100 else ""
                raise UserError(f"it must lie in [0, 1); 0.9 keeps one weight in ten{percent}", field=name, value=value)
        self._check_agent()
        if self.critic_hidden_units and min(self.critic_hidden_units) < 1:
            raise UserError("give positive widths", field="critic_hidden_units", value=self.critic_hidden_units)
        if self.total_steps < 1:
            raise UserError("it must be at least 1", field="total_steps", value=self.total_steps)
        if self.num_environments < 1:
            raise UserError("it must be at least 1", field="num_environments", value=self.num_environments)
        if not 0 <= self.fake_features <= MOST_FAKE:
            percent = f"; {self.fake_features:g} % is {self.fake_features / 100:g}" if self.fake_features > 1 else ""
            raise UserError(
                f"it must lie in 0 to {MOST_FAKE}{percent}", field="fake_features", value=self.fake_features
            )
        if self.storage == "masked" and self.compressed_layers:
            raise UserError(
                "there are none where ",
                Field("storage"),
                " is masked",
                field="compressed_layers",
                value=" ".join(self.compressed_layers),
            )
        if not self.weight_decay >= 0:
            raise UserError("it must not be negative", field="weight_decay", value=self.weight_decay)

    def _check_agent(self) -> None:
        """Refuse what this agent has no use for: another kind of network, or choices for an actor or critic."""
        name, kind = self.agent_name, self.kind
        for choice in ("actor_sparsity", "critic_sparsity", "critic_hidden_units"):
            value, role = getattr(self, choice), choice.partition("_")[0]
            if value not in (None, ()) and role not in kind.roles.values():
                lacks = f"no {role}" if kind.roles else "neither actor nor critic"
                raise UserError(f"agent {name} has {lacks}", field=choice, value=value)
        if not isinstance(self.network, kind.learns_with):
            known = " or ".join(network for network, settings in NETWORKS.items() if settings in kind.learns_with)
            raise UserError(f"agent {name} learns with {known} only", field="network", value=self.network_name)

    @property
    def kind(self) -> AgentKind:
        """What the agent is made of."""
        return AGENTS[self.agent_name]

    @property
    def agent_name(self) -> str:
        return name_of(self.agent)

    @property
    def is_dense(self) -> bool:
        """Whether the method leaves every weight alive, whatever sparsity is asked for."""
        return leaves_all_alive(self.method)

    @property
    def is_planned(self) -> bool:
        """Whether it says how every kernel is stored."""
        return self.storage == "masked" or (self.storage == "compressed" and self.compressed_layers != ())

    @property
    def method_name(self) -> str:
        return method_name(self.method)

    @property
    def network_name(self) -> str:
        return network_name(self.network)

    def choices(self) -> dict[str, Any]:
        """All choices as plain JSON, with the names of agent, method and network beside their settings."""
        plain = to_plain(self)
        plain["agent"] = {"name": self.agent_name, **plain["agent"]}
        plain["method"] = {"name": self.method_name, **plain["method"]}
        plain["network"] = {"name": self.network_name, **plain["network"]}
        return {"results_version": RESULTS_VERSION, **plain}

    @functools.cached_property
    def identifier(self) -> str:
        """A readable name and a hash of every choice, so that changed defaults never reuse old results.

        It is that of the plan on this machine where it is still open how the kernels are stored.
        """
        if not self.is_planned:
            from sparserl.experiment.plan import plan_of  # a plan is made of an experiment, so it imports this module

            return plan_of(self).identifier
        name = f"{self.agent_name}-{self.method_name}-{self.environment}-{self.sparsity:g}"
        return persistence.experiment_id(name, self.choices())

    @staticmethod
    def from_choices(choices: Mapping[str, Any]) -> "Experiment":
        """The experiment that `choices()` describes, to be trained as it says.

        Raises `UserError` for unknown or missing fields, and for those of an earlier version, which trained otherwise.
        """
        version = choices.get("results_version")
        if version != RESULTS_VERSION:
            raise UserError(
                f"this sparserl trains by {RESULTS_VERSION}; go on with the version that began it, or train anew",
                field="results_version",
                value=version,
            )
        return Experiment.of_results(choices)

    @staticmethod
    def of_results(choices: Mapping[str, Any]) -> "Experiment":
        """The experiment of results that are only read: its networks and environment, whichever version trained them.

        Raises `UserError` for unknown or missing fields, and for a version that had other choices.
        """
        plain = dict(choices)
        version = plain.pop("results_version", None)
        if not isinstance(version, int) or not EARLIEST_READ <= version <= RESULTS_VERSION:
            raise UserError(
                f"this sparserl reads {EARLIEST_READ} to {RESULTS_VERSION}; use the version that wrote it",
                field="results_version",
                value=version,
            )
        known = {part: plain.pop(part) for part in _FIND if part in plain}
        parts = {part: restored_part(part, value, _FIND[part]) for part, value in known.items()}
        return restored(Experiment, {**plain, **parts})


def _settings_of(agent: str) -> type:
    if agent not in AGENTS:
        raise UserError(field="agent", value=agent, allowed=AGENTS)
    return AGENTS[agent].settings


def _network_of(name: str) -> type:
    if name not in NETWORKS:
        raise UserError(field="network", value=name, allowed=NETWORKS)
    return NETWORKS[name]


_FIND: Mapping[str, Callable[[str], type]] = {"agent": _settings_of, "method": find_method, "network": _network_of}


def canonical(experiment: Experiment) -> Experiment:
    """The experiment with one id for all that train alike: sparsity means nothing to a dense network."""
    if not experiment.is_dense:
        return experiment
    defaults: dict[str, Any] = {field.name: field.default for field in dataclasses.fields(Experiment)}
    of_sparsity = ("actor_sparsity", "critic_sparsity", "sparsity_aware_initialization")
    of_layers = ("distribution", "layer_sparsities", "dense_last_layer", "rebudget")
    same: dict[str, Any] = {"sparsity": 0.0, **{name: defaults[name] for name in (*of_sparsity, *of_layers)}}
    return dataclasses.replace(experiment, **same)
