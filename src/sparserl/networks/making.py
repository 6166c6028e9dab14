"""What all networks have in common, and the network that belongs to given settings."""

from collections.abc import Mapping
from typing import Protocol

from sparserl.networks.cnn import CNN, CNNSettings
from sparserl.networks.mlp import MLP, MLPSettings
from sparserl.networks.resnet import ResNet, ResNetSettings
from sparserl.types import Array, Key, Params

NetworkSettings = MLPSettings | CNNSettings | ResNetSettings


class Sized(Protocol):
    """A network whose layers are known before it has parameters; outputs `[..., output]` of observations."""

    @property
    def observation_shape(self) -> tuple[int, ...]: ...
    @property
    def layer_shapes(self) -> Mapping[str, tuple[int, ...]]: ...  # kernel shapes by layer, in order of computation
    @property
    def positions(self) -> Mapping[str, int]: ...  # at how many places each convolution is applied
    def init(self, key: Key) -> Params: ...
    def apply(self, params: Params, observation: Array) -> Array: ...
    def hidden(self, params: Params, observation: Array) -> dict[str, Array]: ...  # `[..., units]` by layer, in order
    def num_parameters(self) -> int: ...


def make(settings: NetworkSettings, observation_shape: tuple[int, ...], num_outputs: int) -> MLP | CNN | ResNet:
    """The network of these settings."""
    if isinstance(settings, CNNSettings):
        return CNN(settings, observation_shape, num_outputs)
    if isinstance(settings, ResNetSettings):
        return ResNet(settings, observation_shape, num_outputs)
    return MLP(settings, observation_shape, num_outputs)
