"""What a published table fixes, and the functions that look one up."""

import dataclasses
from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from sparserl.networks import CNNSettings, MLPSettings, NetworkSettings, ResNetSettings
from sparserl.sparsity import METHODS, InnerOptimizer, SparseMethod, Window, find_method
from sparserl.training import EvaluationSettings
from sparserl.types import AgentSettings, UserError

PresetName = Literal["paper", "published-code", "sb3"]
NetworkName = Literal["mlp", "cnn", "resnet"]
NETWORKS: Mapping[str, type[NetworkSettings]] = {"mlp": MLPSettings, "cnn": CNNSettings, "resnet": ResNetSettings}


@dataclasses.dataclass(frozen=True)
class Preset:
    """Everything that a table fixes for one agent and method."""

    agent: AgentSettings
    method: SparseMethod
    network: NetworkSettings
    optimizer: InnerOptimizer
    weight_decay: float  # L2 in the loss
    decayed_layers: Literal["hidden", "all"]  # the published code spares DQN's output layer
    sparsity_aware_initialization: bool
    total_steps: int
    evaluation: EvaluationSettings = EvaluationSettings()


class PresetTable(Protocol):
    """A table by method, preset and environment; `network` is the kind of network, None the family's usual one."""

    def __call__(
        self, method: str, preset: PresetName, environment: str, network: NetworkName | None = None
    ) -> Preset: ...


class Swept(NamedTuple):
    """What the paper's sweep found best for one agent and method (Tables 1 to 5)."""

    weight_decay: float
    interval_updates: int = 1_000
    drop_fraction: float = 0.5
    sparsity_aware_initialization: bool = True


def network_name(settings: NetworkSettings) -> str:
    """The name of a kind of network."""
    return next(name for name, kind in NETWORKS.items() if isinstance(settings, kind))


def only_mlp(agent: str, network: NetworkName | None) -> None:
    """Raise UserError for any other kind of network: SAC and PPO learn from vectors."""
    if network not in (None, "mlp"):
        raise UserError(
            f"agent {agent} learns with mlp only; {network} is for agent dqn", field="network", value=network
        )


def configured(
    name: str, stop_fraction: float, interval_updates: int, drop_fraction: float, pruning_start: float = 0.2
) -> SparseMethod:
    """A method with the tables' values for the choices it has; methods of other packages keep their defaults."""
    method = find_method(name)
    if name not in METHODS:
        return method()
    start_fraction = 0.0 if method().born_sparse else pruning_start
    values = {"window": Window(start_fraction, stop_fraction, interval_updates), "drop_fraction": drop_fraction}
    return method(**{field.name: values[field.name] for field in dataclasses.fields(method) if field.name in values})
