"""What steps compute, in NumPy: float32 in, float32 out, the batch as the first axis."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from sparserl.deploy.steps import (
    Activation,
    AddRemembered,
    Convolution,
    Dense,
    Flatten,
    MaxPool,
    Relu,
    Remember,
    Sides,
    Step,
)


def computed(steps: Sequence[Step], x: np.ndarray) -> np.ndarray:
    """What comes out of all steps, from `[batch, ...]`."""
    remembered = list[np.ndarray]()
    for step in steps:
        if isinstance(step, Remember):
            remembered.append(x)
        elif isinstance(step, AddRemembered):
            x = x + remembered.pop()
        else:
            x = after_one(step, x)
    return x


def after_one(step: Dense | Convolution | MaxPool | Relu | Flatten, x: np.ndarray) -> np.ndarray:
    """What comes out of one step."""
    if isinstance(step, Dense):
        return _activated(step.activation, x @ step.kernel + step.bias)
    if isinstance(step, Convolution):
        seen = windows(x, step.kernel.shape[0], step.stride, step.padding, 0.0)
        products = np.tensordot(seen, step.kernel.transpose(2, 0, 1, 3), 3)
        return _activated(step.activation, products + step.bias)
    if isinstance(step, MaxPool):
        return windows(x, step.size, step.stride, step.padding, -np.inf).max((-2, -1))
    return x.reshape(len(x), -1) if isinstance(step, Flatten) else _activated("relu", x)


def windows(x: np.ndarray, size: int, stride: int, padding: tuple[Sides, Sides], fill: float) -> np.ndarray:
    """What a square window sees at each place, `[batch, height', width', channels, size, size]`."""
    padded = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    return sliding_window_view(padded, (size, size), (1, 2))[:, ::stride, ::stride]


def _activated(activation: Activation | None, x: np.ndarray) -> np.ndarray:
    if activation is None:
        return x
    return np.tanh(x) if activation == "tanh" else np.maximum(x, np.float32(0))
