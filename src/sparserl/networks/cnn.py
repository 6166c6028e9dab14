"""The convolutional network: convolutions one after another, a dense layer, and the outputs."""

import dataclasses
import math
from typing import Literal

import jax

from sparserl import linalg
from sparserl.networks.head import HEAD, check_sizes, hidden_units, outputs
from sparserl.networks.initializers import InitializerName, fresh
from sparserl.networks.observations import check_image, images, unfolded
from sparserl.networks.widths import scaled
from sparserl.types import Array, Field, Key, Params, UserError, check_fields


@dataclasses.dataclass(frozen=True)
class CNNSettings:
    """Size and initialization of a CNN; the defaults are the Nature CNN (Mnih et al. 2015; paper, Table 7).

    "same" is the padding of the published code and leaves 7,744 features after the last convolution; Mnih et al. have
    "valid", which leaves 3,136.
    """

    channels: tuple[int, ...] = (32, 64, 64)  # of each convolution
    kernel_sizes: tuple[int, ...] = (8, 4, 3)  # height and width of each convolution's kernel
    strides: tuple[int, ...] = (4, 2, 1)  # of each convolution
    padding: Literal["same", "valid"] = "same"  # same: zeros around what a convolution sees; valid: none
    hidden_units: int = 512  # of the dense layer
    initializer: InitializerName = "glorot_uniform"  # of all kernels
    width: float = 1.0  # every layer but the output has ceil(width * n) channels or units

    def __post_init__(self) -> None:
        check_fields(self)
        check_sizes(self.width, channels=self.channels, hidden_units=(self.hidden_units,))
        check_sizes(self.width, kernel_sizes=self.kernel_sizes, strides=self.strides)
        if not len(self.channels) == len(self.kernel_sizes) == len(self.strides):
            raise UserError(
                "give as many channels as ",
                Field("kernel_sizes"),
                f", which is {self.kernel_sizes}, and ",
                Field("strides"),
                f", which is {self.strides}",
                field="channels",
                value=self.channels,
            )


@dataclasses.dataclass(frozen=True)
class CNN:
    """A convolutional network of layers `conv_1`, `conv_2`, ..., `hidden_1` and `output`, ReLU between them.

    Observations are `[..., height, width, channels]`, and divided by 255 if they are pixels (uint8); outputs are
    `[..., num_outputs]`. Raises `UserError` for observations that are not images or are too small for its kernels.
    """

    settings: CNNSettings
    observation_shape: tuple[int, ...]
    num_outputs: int

    def __post_init__(self) -> None:
        check_image(self.observation_shape, "cnn")
        for index, (height, width) in enumerate(self._sides):
            if min(height, width) < 1:
                raise UserError(
                    "with ",
                    Field("strides", self.settings.strides),
                    f" it leaves nothing of images {self.observation_shape} at convolution {index + 1}; make them "
                    "smaller, or choose ",
                    Field("padding", "same"),
                    field="kernel_sizes",
                    value=self.settings.kernel_sizes,
                )

    @property
    def layer_shapes(self) -> dict[str, tuple[int, ...]]:
        """Kernel shapes by layer name, in the order of computation."""
        settings = self.settings
        channels = (self.observation_shape[-1], *(scaled(n, settings.width) for n in settings.channels))
        shapes: dict[str, tuple[int, ...]] = {
            name: (settings.kernel_sizes[i], settings.kernel_sizes[i], channels[i], channels[i + 1])
            for i, name in enumerate(self._convolutions)
        }
        hidden = scaled(settings.hidden_units, settings.width)
        features = math.prod((*self._sides[-1], channels[-1]))
        return {**shapes, HEAD[0]: (features, hidden), HEAD[1]: (hidden, self.num_outputs)}

    @property
    def positions(self) -> dict[str, int]:
        """The number of places at which each convolution is applied: height times width of its output."""
        return {name: math.prod(sides) for name, sides in zip(self._convolutions, self._sides, strict=True)}

    def init(self, key: Key) -> Params:
        """Fresh parameters: `{layer: {"kernel": [height, width, in, out] or [in, out], "bias": [out]}}`, float32."""
        return fresh(key, self.layer_shapes, self.settings.initializer)

    def apply(self, params: Params, observation: Array) -> jax.Array:
        """Outputs `[..., num_outputs]` of observations `[..., height, width, channels]`."""
        *_, features = self._convolved(params, images(observation)).values()
        return unfolded(outputs(params, features), observation)

    def hidden(self, params: Params, observation: Array) -> dict[str, Array]:
        """Outputs of the hidden layers, `[..., units]`; for a convolution the mean of each channel over its places."""
        convolved = self._convolved(params, images(observation))
        *_, features = convolved.values()
        units = {name: x.mean((1, 2)) for name, x in convolved.items()} | {HEAD[0]: hidden_units(params, features)}
        return {name: unfolded(x, observation) for name, x in units.items()}

    def num_parameters(self) -> int:
        """Weights and biases of the dense network."""
        return sum(math.prod(shape) + shape[-1] for shape in self.layer_shapes.values())

    @property
    def _convolutions(self) -> list[str]:
        return [f"conv_{i}" for i in range(1, len(self.settings.channels) + 1)]

    @property
    def _sides(self) -> list[tuple[int, int]]:
        """Height and width of each convolution's output."""
        sides, (height, width, _) = [], self.observation_shape
        for size, stride in zip(self.settings.kernel_sizes, self.settings.strides, strict=True):
            place = lambda side, size=size, stride=stride: linalg.output_side(side, size, stride, self.settings.padding)
            height, width = place(height), place(width)
            sides.append((height, width))
        return sides

    def _convolved(self, params: Params, x: jax.Array) -> dict[str, jax.Array]:
        """Outputs of each convolution after its ReLU, `[batch, height, width, channels]`."""
        convolved = {}
        for name, stride in zip(self._convolutions, self.settings.strides, strict=True):
            layer = params[name]
            x = jax.nn.relu(linalg.convolve(layer["kernel"], layer["bias"], x, stride, self.settings.padding))
            convolved[name] = x
        return convolved
