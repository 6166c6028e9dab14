"""A network as steps in order, in NumPy: the one form that exports are made from, and the reference they are held to.

What flows between steps is float32 `[batch, ...]`: `[batch, features]`, or images `[batch, height, width, channels]`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from sparserl import linalg
from sparserl.networks import CNN, MLP, ResNet
from sparserl.networks.head import HEAD
from sparserl.networks.resnet import KERNEL_SIZE, POOL_SIZE, POOL_STRIDE
from sparserl.types import Params, UserError

Activation = Literal["relu", "tanh"]
Sides = tuple[int, int]  # before and behind, along one axis of an image


class Dense(NamedTuple):
    """`activation(x @ kernel + bias)`.

    kernel: float32 `[in, out]`, dead weights exactly 0; bias: float32 `[out]`. live: bool `[in, out]`, which weights
    are alive; a live one may be 0 for all that.
    """

    name: str
    kernel: np.ndarray
    bias: np.ndarray
    activation: Activation | None
    live: np.ndarray


class Convolution(NamedTuple):
    """The same at every place of an image; kernel and live `[height, width, in, out]`, zeros of `padding` around."""

    name: str
    kernel: np.ndarray
    bias: np.ndarray
    stride: int
    padding: tuple[Sides, Sides]  # top and bottom, left and right
    activation: Activation | None
    live: np.ndarray


class MaxPool(NamedTuple):
    """The largest entry of each square window; what `padding` adds is never the largest."""

    size: int
    stride: int
    padding: tuple[Sides, Sides]


class Relu(NamedTuple):
    """The larger of 0 and each entry."""


class Flatten(NamedTuple):
    """All features in one axis, in the order of memory: the last axis is the fastest."""


class Remember(NamedTuple):
    """Keep what is here for `AddRemembered`; it goes on unchanged."""


class AddRemembered(NamedTuple):
    """Add what was last remembered, and forget it."""


Step = Dense | Convolution | MaxPool | Relu | Flatten | Remember | AddRemembered
Weighted = Dense | Convolution


def steps_of(network: Any, params: Params, masks: Mapping[str, np.ndarray]) -> tuple[Step, ...]:
    """The steps of a network for observations `[batch, *observation_shape]`, constants of a policy left out.

    masks: which weights of a layer are alive, by its name; those of other layers all are. Raises `UserError` for a
    network that is none of ours.
    """
    layers = _Layers(params, masks)
    if isinstance(network, MLP):
        return _mlp(network, layers)
    if isinstance(network, CNN):
        return _cnn(network, layers)
    if isinstance(network, ResNet):
        return _resnet(network, layers)
    raise UserError(f"a network of type {type(network).__name__} has no export: MLP, CNN and ResNet have")


def weighted(steps: Sequence[Step]) -> list[Weighted]:
    """The steps that have weights."""
    return [step for step in steps if isinstance(step, Dense | Convolution)]


class _Layers(NamedTuple):
    """Parameters of a network with what is alive of them, by layer."""

    params: Params
    masks: Mapping[str, np.ndarray]

    def dense(self, name: str, activation: Activation | None) -> Dense:
        kernel, bias, live = self._arrays(name)
        return Dense(name, kernel, bias, activation, live)

    def convolution(
        self, name: str, stride: int, padding: tuple[Sides, Sides], activation: Activation | None
    ) -> Convolution:
        kernel, bias, live = self._arrays(name)
        return Convolution(name, kernel, bias, stride, padding, activation, live)

    def _arrays(self, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        layer = self.params[name]
        kernel = np.asarray(linalg.to_dense(layer["kernel"]), np.float32)
        live = np.asarray(self.masks[name], bool) if name in self.masks else np.ones(kernel.shape, bool)
        return np.where(live, kernel, np.float32(0)), np.asarray(layer["bias"], np.float32), live


def _mlp(network: MLP, layers: _Layers) -> tuple[Step, ...]:
    *hidden, last = network.layer_shapes
    flat = (Flatten(),) if len(network.observation_shape) != 1 else ()
    between = [layers.dense(name, network.settings.activation) for name in hidden]
    return (*flat, *between, layers.dense(last, None))


def _cnn(network: CNN, layers: _Layers) -> tuple[Step, ...]:
    steps, (height, width, _) = list[Step](), network.observation_shape
    convolutions = list(network.layer_shapes)[: len(network.settings.strides)]
    sizes = network.settings.kernel_sizes
    for name, size, stride in zip(convolutions, sizes, network.settings.strides, strict=True):
        same = network.settings.padding == "same"
        padding = tuple(_around(side, size, stride) if same else (0, 0) for side in (height, width))
        steps.append(layers.convolution(name, stride, (padding[0], padding[1]), "relu"))
        height, width = (linalg.output_side(side, size, stride, network.settings.padding) for side in (height, width))
    return (*steps, *_head(layers))


def _resnet(network: ResNet, layers: _Layers) -> tuple[Step, ...]:
    steps, (height, width, _) = list[Step](), network.observation_shape
    around = (_around(KERNEL_SIZE, KERNEL_SIZE, 1),) * 2  # at stride 1 it does not depend on the image's size
    for stack in range(1, len(network.settings.channels) + 1):
        pooled = _around(height, POOL_SIZE, POOL_STRIDE), _around(width, POOL_SIZE, POOL_STRIDE)
        steps.append(layers.convolution(f"stack_{stack}_conv", 1, around, None))
        steps.append(MaxPool(POOL_SIZE, POOL_STRIDE, pooled))
        height, width = (linalg.output_side(side, POOL_SIZE, POOL_STRIDE, "same") for side in (height, width))
        for block in range(1, network.settings.num_blocks + 1):
            first, second = (f"stack_{stack}_block_{block}_conv_{i}" for i in (1, 2))
            steps += [Remember(), Relu(), layers.convolution(first, 1, around, "relu")]
            steps += [layers.convolution(second, 1, around, None), AddRemembered()]
    return (*steps, Relu(), *_head(layers))


def _head(layers: _Layers) -> tuple[Step, ...]:
    return Flatten(), layers.dense(HEAD[0], "relu"), layers.dense(HEAD[1], None)


def _around(side: int, size: int, stride: int) -> Sides:
    """The zeros of "same" padding: one more behind where their number is odd."""
    zeros = max((linalg.output_side(side, size, stride, "same") - 1) * stride + size - side, 0)
    return zeros // 2, zeros - zeros // 2


def program(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The steps as plain data, weights left out: what is done to an observation, in order."""
    numbers = ("name", "activation", "stride", "padding", "size")
    return [
        {"step": _WORDS[type(step)], **{name: value for name, value in step._asdict().items() if name in numbers}}
        for step in steps
    ]


_WORDS: Mapping[type[Step], str] = {
    Dense: "dense",
    Convolution: "convolution",
    MaxPool: "max_pool",
    Relu: "relu",
    Flatten: "flatten",
    Remember: "remember",
    AddRemembered: "add_remembered",
}
