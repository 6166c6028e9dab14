"""The head of a convolutional network: the flattened features, a dense layer, and the outputs."""

import jax

from sparserl import linalg
from sparserl.types import Params, UserError

HEAD = ("hidden_1", "output")


def outputs(params: Params, features: jax.Array) -> jax.Array:
    """Outputs `[batch, num_outputs]` of features `[batch, height, width, channels]`."""
    return linalg.feed_forward([_hidden(params), _layer(params, "output", None)], _flat(features))


def hidden_units(params: Params, features: jax.Array) -> jax.Array:
    """Outputs of the dense layer, `[batch, units]`."""
    return linalg.feed_forward([_hidden(params)], _flat(features))


def check_sizes(width: float, **sizes: tuple[int, ...]) -> None:
    """Raise `UserError` unless the width and all of the named sizes are positive, and no tuple of them is empty."""
    for name, values in sizes.items():
        if not values or min(values) < 1:
            raise UserError("give one or more positive numbers", field=name, value=values)
    if not 0 < width < float("inf"):
        raise UserError("it must be greater than 0", field="width", value=width)


def _hidden(params: Params) -> linalg.Layer:
    return _layer(params, "hidden_1", jax.nn.relu)


def _layer(params: Params, name: str, activation: linalg.Activation | None) -> linalg.Layer:
    return linalg.Layer(params[name]["kernel"], params[name]["bias"], activation)


def _flat(features: jax.Array) -> jax.Array:
    return features.reshape(features.shape[0], -1)
