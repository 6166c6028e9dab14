"""The residual network: stacks of a convolution, a pooling and residual blocks, a dense layer, and the outputs."""

import dataclasses
import math

import jax

from sparserl import linalg
from sparserl.networks.head import HEAD, check_sizes, hidden_units, outputs
from sparserl.networks.initializers import InitializerName, fresh
from sparserl.networks.observations import check_image, images, unfolded
from sparserl.networks.widths import scaled
from sparserl.types import Array, Key, Params, check_fields

KERNEL_SIZE = 3  # of every convolution
POOL_SIZE, POOL_STRIDE = 3, 2  # of the pooling of each stack


@dataclasses.dataclass(frozen=True)
class ResNetSettings:
    """Size and initialization of a ResNet; the defaults are the IMPALA ResNet of the paper (Table 7).

    Espeholt et al. 2018 have channels (16, 32, 32); the published code has 256 hidden units (Deviation 38).
    """

    channels: tuple[int, ...] = (32, 64, 64)  # of the convolutions of each stack
    num_blocks: int = 2  # residual blocks of a stack
    hidden_units: int = 512  # of the dense layer
    initializer: InitializerName = "glorot_uniform"  # of all kernels
    width: float = 1.0  # every layer but the output has ceil(width * n) channels or units

    def __post_init__(self) -> None:
        check_fields(self)
        check_sizes(
            self.width, channels=self.channels, num_blocks=(self.num_blocks,), hidden_units=(self.hidden_units,)
        )


@dataclasses.dataclass(frozen=True)
class ResNet:
    """A residual network of layers `stack_1_conv`, `stack_1_block_1_conv_1`, ..., `hidden_1` and `output`.

    A stack is a convolution, a pooling that halves the image, and blocks of [ReLU, convolution, ReLU, convolution]
    that are added to their inputs; ReLU before and after the dense layer. Observations are
    `[..., height, width, channels]`, and divided by 255 if they are pixels (uint8); outputs are `[..., num_outputs]`.
    Raises `UserError` for observations that are not images.
    """

    settings: ResNetSettings
    observation_shape: tuple[int, ...]
    num_outputs: int

    def __post_init__(self) -> None:
        check_image(self.observation_shape, "resnet")

    @property
    def layer_shapes(self) -> dict[str, tuple[int, ...]]:
        """Kernel shapes by layer name, in the order of computation."""
        shapes: dict[str, tuple[int, ...]] = {}
        channels, size = self.observation_shape[-1], (KERNEL_SIZE, KERNEL_SIZE)
        for stack, unscaled in enumerate(self.settings.channels, start=1):
            wide = scaled(unscaled, self.settings.width)
            shapes[f"stack_{stack}_conv"] = (*size, channels, wide)
            shapes |= {name: (*size, wide, wide) for block in self._blocks(stack) for name in block}
            channels = wide
        hidden = scaled(self.settings.hidden_units, self.settings.width)
        features = math.prod((*self._sides[-1], channels))
        return {**shapes, HEAD[0]: (features, hidden), HEAD[1]: (hidden, self.num_outputs)}

    @property
    def positions(self) -> dict[str, int]:
        """The number of places at which each convolution is applied: height times width of its output."""
        places = [math.prod(sides) for sides in self._sides]
        counts: dict[str, int] = {}
        for stack in range(1, len(places)):
            counts[f"stack_{stack}_conv"] = places[stack - 1]
            counts |= {name: places[stack] for block in self._blocks(stack) for name in block}
        return counts

    def init(self, key: Key) -> Params:
        """Fresh parameters: `{layer: {"kernel": [height, width, in, out] or [in, out], "bias": [out]}}`, float32."""
        return fresh(key, self.layer_shapes, self.settings.initializer)

    def apply(self, params: Params, observation: Array) -> jax.Array:
        """Outputs `[..., num_outputs]` of observations `[..., height, width, channels]`."""
        *_, features = self._convolved(params, images(observation)).values()
        return unfolded(outputs(params, features), observation)

    def hidden(self, params: Params, observation: Array) -> dict[str, Array]:
        """Outputs of the hidden layers after their ReLU, `[..., units]`; for a convolution the means over its places.

        A stack's convolution is taken after its pooling, a block's second one after the sum.
        """
        convolved = self._convolved(params, images(observation))
        *_, features = convolved.values()
        units = {name: x.mean((1, 2)) for name, x in convolved.items()} | {HEAD[0]: hidden_units(params, features)}
        return {name: unfolded(x, observation) for name, x in units.items()}

    def num_parameters(self) -> int:
        """Weights and biases of the dense network."""
        return sum(math.prod(shape) + shape[-1] for shape in self.layer_shapes.values())

    @property
    def _sides(self) -> list[tuple[int, int]]:
        """Height and width of an observation, and of each stack's output."""
        height, width, _ = self.observation_shape
        sides = [(height, width)]
        for _ in self.settings.channels:
            height, width = -(-height // POOL_STRIDE), -(-width // POOL_STRIDE)
            sides.append((height, width))
        return sides

    def _blocks(self, stack: int) -> list[tuple[str, str]]:
        """The two convolutions of each block of a stack, by name."""
        prefixes = [f"stack_{stack}_block_{block}" for block in range(1, self.settings.num_blocks + 1)]
        return [(f"{prefix}_conv_1", f"{prefix}_conv_2") for prefix in prefixes]

    def _convolved(self, params: Params, x: jax.Array) -> dict[str, jax.Array]:
        """Outputs of the ReLU that follows each convolution, `[batch, height, width, channels]`."""
        convolve = lambda name, x: linalg.convolve(params[name]["kernel"], params[name]["bias"], x)
        convolved = {}
        for stack in range(1, len(self.settings.channels) + 1):
            name = f"stack_{stack}_conv"
            x = linalg.max_pool(convolve(name, x), POOL_SIZE, POOL_STRIDE)
            convolved[name] = jax.nn.relu(x)
            for first, second in self._blocks(stack):
                convolved[first] = jax.nn.relu(convolve(first, jax.nn.relu(x)))
                x = x + convolve(second, convolved[first])
                convolved[second] = jax.nn.relu(x)
        return convolved
