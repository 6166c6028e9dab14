"""The layers of a policy as matrices by rows, in float32 or int8, without units that change no output."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from sparserl.deploy.policy import Policy
from sparserl.deploy.steps import Activation, Dense, Flatten
from sparserl.types import UserError

WeightsName = Literal["float32", "int8"]
LARGEST_INT8 = 127  # symmetric: -128 stays unused


class Matrix(NamedTuple):
    """`activation(scales * (values @ x) + biases)`.

    values: `[unit, input]`, float32 or int8; scales: float32 `[unit]`, None for float32; biases: float32 `[unit]`.
    """

    name: str
    values: np.ndarray
    scales: np.ndarray | None
    biases: np.ndarray
    activation: Activation | None

    @property
    def weights(self) -> np.ndarray:
        """What the values stand for, float32 `[unit, input]`."""
        return self.values if self.scales is None else self.values * self.scales[:, None]


def matrices(policy: Policy, weights: WeightsName) -> list[Matrix]:
    """One matrix for each dense layer. Raises UserError for a policy that C is not written for."""
    if weights not in get_args(WeightsName):
        raise UserError("no such type of weights", field="weights", value=weights, allowed=get_args(WeightsName))
    return [_matrix(layer, weights) for layer in dense_layers(policy)]


def dense_layers(policy: Policy) -> list[Dense]:
    """The layers of an MLP. Raises UserError for another network and for weights that are not finite."""
    layers = [step for step in policy.steps if isinstance(step, Dense)]
    others = [step for step in policy.steps if not isinstance(step, Dense | Flatten)]
    if others or not layers:
        kind = f"this network has {type(others[0]).__name__} steps" if others else "this network has no dense layer"
        raise UserError(f"C holds MLPs only, and {kind}: export it as onnx or safetensors")
    for layer in layers:
        if not (np.isfinite(layer.kernel).all() and np.isfinite(layer.bias).all()):
            raise UserError(
                f"layer {layer.name} has weights or biases that are not finite, so no policy follows from it"
            )
    return layers


def quantized(policy: Policy) -> Policy:
    """The policy that int8 weights stand for: each output row's weights are rounded to whole multiples of one scale.

    Symmetric rounding to nearest of the scheme in Jacob et al. 2018 ("Quantization and Training of Neural Networks for
    Efficient Integer-Arithmetic-Only Inference"), with a scale per row; biases and activations stay float32.
    """
    as_stored = {layer.name: _matrix(layer, "int8").weights.T for layer in dense_layers(policy)}
    swapped: Any = [
        step._replace(kernel=as_stored[step.name]) if isinstance(step, Dense) else step for step in policy.steps
    ]
    return policy._replace(steps=tuple(swapped))


def without_idle_units(layers: Sequence[Matrix]) -> list[Matrix]:
    """The same outputs without hidden units that are constant or unused, as very sparse networks have many.

    A unit without a weight to its inputs has one value, which goes into the biases behind it; a unit that no later
    unit has a weight to is left out.
    """
    kept = list(layers)
    for index in range(len(kept) - 1):
        kept[index], kept[index + 1] = _without_constants(kept[index], kept[index + 1])
    for index in range(len(kept) - 1, 0, -1):
        used = np.asarray(kept[index].values.any(0))
        kept[index - 1], kept[index] = _units(kept[index - 1], used), _inputs(kept[index], used)
    return kept


def reordered(layer: Matrix, following: Matrix | None, order: np.ndarray) -> tuple[Matrix, Matrix | None]:
    """A layer with its units in another order, and the layer behind it, whose inputs they are."""
    return _units(layer, order), None if following is None else _inputs(following, order)


def _matrix(layer: Dense, weights: WeightsName) -> Matrix:
    rows = np.ascontiguousarray(np.where(layer.live, layer.kernel, 0).T, np.float32)
    if weights == "float32":
        return Matrix(layer.name, rows, None, layer.bias, layer.activation)
    largest = np.abs(rows).max(1, initial=0.0)
    scales = (largest / np.float32(LARGEST_INT8)).astype(np.float32)
    scales = np.where(scales < np.finfo(np.float32).tiny, np.float32(1), scales)  # rows of zeros, or too small to tell
    return Matrix(layer.name, np.rint(rows / scales[:, None]).astype(np.int8), scales, layer.bias, layer.activation)


def _without_constants(layer: Matrix, following: Matrix) -> tuple[Matrix, Matrix]:
    live = np.asarray(layer.values.any(1))
    constants = np.where(live, np.float32(0), layer.biases)
    constants = np.tanh(constants) if layer.activation == "tanh" else np.maximum(constants, np.float32(0))
    biases = (following.biases + following.weights.astype(np.float64) @ constants).astype(np.float32)
    return _units(layer, live), _inputs(following, live)._replace(biases=biases)


def _units(layer: Matrix, which: np.ndarray) -> Matrix:
    scales = None if layer.scales is None else layer.scales[which]
    return layer._replace(values=layer.values[which], scales=scales, biases=layer.biases[which])


def _inputs(layer: Matrix, which: np.ndarray) -> Matrix:
    return layer._replace(values=layer.values[:, which])
