"""The multi-layer perceptron."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Literal

import jax
import jax.numpy as jnp

from sparserl import linalg
from sparserl.networks.initializers import INITIALIZERS, InitializerName, uniform_within
from sparserl.networks.observations import as_floats
from sparserl.types import Array, Key, Params, UserError, check_fields

ActivationName = Literal["relu", "tanh"]
ACTIVATIONS: Mapping[str, Callable[[jax.Array], jax.Array]] = {"relu": jax.nn.relu, "tanh": jnp.tanh}


@dataclasses.dataclass(frozen=True)
class MLPSettings:
    """Size and initialization of an MLP; the defaults are the paper's DQN for classic control (Table 6)."""

    hidden_units: tuple[int, ...] = (512, 512)  # width of each hidden layer
    activation: ActivationName = "relu"  # between the layers
    initializer: InitializerName = "he_truncated_normal"  # of the hidden kernels
    gain: float = 1.0  # what the hidden kernels' draws are multiplied by
    output_limit: float | None = 0.03  # output kernel uniform within +- this; None: drawn as hidden kernels are
    output_gain: float = 1.0  # what its draw is then multiplied by
    output_bias: float = -0.2  # initial bias of the output layer

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.hidden_units or min(self.hidden_units) < 1:
            raise UserError("give one or more positive layer widths", field="hidden_units", value=self.hidden_units)
        for name in ("gain", "output_gain"):
            if not getattr(self, name) > 0:
                raise UserError("it must be greater than 0", field=name, value=getattr(self, name))


@dataclasses.dataclass(frozen=True)
class MLP:
    """A multi-layer perceptron of layers `hidden_1`, `hidden_2`, ... and `output`.

    Observations `[..., *observation_shape]` are flattened; outputs are `[..., num_outputs + num_constants]`. The
    constants, such as a policy's deviations, are parameters that depend on no observation and are never masked.
    """

    settings: MLPSettings
    observation_shape: tuple[int, ...]
    num_outputs: int
    num_constants: int = 0
    initial_constant: float = 0.0

    @property
    def layer_shapes(self) -> dict[str, tuple[int, ...]]:
        """Kernel shapes by layer name, in the order of computation."""
        sizes = (math.prod(self.observation_shape), *self.settings.hidden_units, self.num_outputs)
        names = [*(f"hidden_{i}" for i in range(1, len(sizes) - 1)), "output"]
        return {name: (sizes[i], sizes[i + 1]) for i, name in enumerate(names)}

    @property
    def positions(self) -> dict[str, int]:
        """The number of places at which each convolution is applied: there are no convolutions."""
        return {}

    def init(self, key: Key) -> Params:
        """Fresh parameters: `{layer: {"kernel": [in, out], "bias": [out]}}`, float32; `constants` have only a bias."""
        params = {}
        for index, (name, shape) in enumerate(self.layer_shapes.items()):
            last, limit = name == "output", self.settings.output_limit
            bounded = last and limit is not None
            initializer = uniform_within(limit or 0.0) if bounded else INITIALIZERS[self.settings.initializer]
            gain = 1.0 if bounded else self.settings.output_gain if last else self.settings.gain
            bias = jnp.full(shape[1:], self.settings.output_bias if last else 0.0, jnp.float32)
            params[name] = {"kernel": gain * initializer(jax.random.fold_in(key, index), shape), "bias": bias}
        if self.num_constants:
            params["constants"] = {"bias": jnp.full((self.num_constants,), self.initial_constant, jnp.float32)}
        return params

    def apply(self, params: Params, observation: Array) -> Array:
        """Outputs `[..., num_outputs + num_constants]` of observations `[..., *observation_shape]`."""
        batch_shape = observation.shape[: observation.ndim - len(self.observation_shape)]
        x = as_floats(observation).reshape(-1, math.prod(self.observation_shape))
        activation = lambda name: None if name == "output" else ACTIVATIONS[self.settings.activation]
        layers = [
            linalg.Layer(params[name]["kernel"], params[name]["bias"], activation(name)) for name in self.layer_shapes
        ]
        outputs = linalg.feed_forward(layers, x).reshape(*batch_shape, self.num_outputs)
        if not self.num_constants:
            return outputs
        constants = jnp.broadcast_to(params["constants"]["bias"], (*batch_shape, self.num_constants))
        return jnp.concatenate([outputs, constants], axis=-1)

    def hidden(self, params: Params, observation: Array) -> dict[str, Array]:
        """Outputs of the hidden layers, `[..., units]` by name, in the order of computation."""
        batch_shape = observation.shape[: observation.ndim - len(self.observation_shape)]
        x = as_floats(observation).reshape(-1, math.prod(self.observation_shape))
        outputs: dict[str, Array] = {}
        activation = ACTIVATIONS[self.settings.activation]
        for name in list(self.layer_shapes)[:-1]:
            x = linalg.feed_forward([linalg.Layer(params[name]["kernel"], params[name]["bias"], activation)], x)
            outputs[name] = x.reshape(*batch_shape, x.shape[-1])
        return outputs

    def num_parameters(self) -> int:
        """Weights, biases and constants of the dense network."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in self.layer_shapes.values()) + self.num_constants
