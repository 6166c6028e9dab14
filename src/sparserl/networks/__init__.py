"""Networks: what turns observations into outputs, and how wide a dense network must be to match a sparse one."""

from sparserl.networks.cnn import CNN, CNNSettings
from sparserl.networks.initializers import (
    INITIALIZERS,
    Initializer,
    InitializerName,
    fan_in_uniform,
    glorot_uniform,
    he_truncated_normal,
    orthogonal,
    uniform_within,
)
from sparserl.networks.making import NetworkSettings, Sized, make
from sparserl.networks.mlp import ACTIVATIONS, MLP, ActivationName, MLPSettings
from sparserl.networks.observations import as_floats
from sparserl.networks.resnet import ResNet, ResNetSettings
from sparserl.networks.widths import matched_multiplier, matched_width, scaled

__all__ = [
    "ACTIVATIONS",
    "CNN",
    "INITIALIZERS",
    "MLP",
    "ActivationName",
    "CNNSettings",
    "Initializer",
    "InitializerName",
    "MLPSettings",
    "NetworkSettings",
    "ResNet",
    "ResNetSettings",
    "Sized",
    "as_floats",
    "fan_in_uniform",
    "glorot_uniform",
    "he_truncated_normal",
    "make",
    "matched_multiplier",
    "matched_width",
    "orthogonal",
    "scaled",
    "uniform_within",
]
