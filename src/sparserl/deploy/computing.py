"""What steps compute, in NumPy: float32 in, float32 out, the batch as the first axis."""

import functools
import math
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

PATCH_NUMBERS = 2**18  # of images, that are multiplied by a kernel at once


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
        sums = _convolved(step, x)
        sums += step.bias
        return _activated(step.activation, sums)
    if isinstance(step, MaxPool):
        return _pooled(step, x)
    return x.reshape(len(x), -1) if isinstance(step, Flatten) else _activated("relu", x)


def _convolved(step: Convolution, x: np.ndarray) -> np.ndarray:
    """The sums of a convolution without biases: patches of images as the rows of a matrix, times the kernel.

    Some images at a time, so that their patches take little memory and stay in the cache until they are multiplied.
    """
    size, _, _, units = step.kernel.shape
    matrix = step.kernel.reshape(-1, units)
    patches = sliding_window_view(_padded(x, step.padding, 0.0), (size, size), (1, 2))
    patches = patches[:, :: step.stride, :: step.stride].transpose(0, 1, 2, 4, 5, 3)
    sums = np.empty((*patches.shape[:3], units), np.result_type(x, matrix))
    images = max(PATCH_NUMBERS // math.prod(patches.shape[1:]), 1)
    for start in range(0, len(x), images):
        rows = patches[start : start + images].reshape(-1, len(matrix))
        np.matmul(rows, matrix, out=sums[start : start + images].reshape(-1, units))
    return sums


def _pooled(step: MaxPool, x: np.ndarray) -> np.ndarray:
    """The largest entry of each window: of as many shifted images as a window has places."""
    padded = _padded(x, step.padding, -np.inf)
    height, width = ((side - step.size) // step.stride + 1 for side in padded.shape[1:3])
    rows = (slice(start, start + step.stride * (height - 1) + 1, step.stride) for start in range(step.size))
    columns = [slice(start, start + step.stride * (width - 1) + 1, step.stride) for start in range(step.size)]
    return functools.reduce(np.maximum, (padded[:, row, column] for row in rows for column in columns))


def _padded(x: np.ndarray, padding: tuple[Sides, Sides], fill: float) -> np.ndarray:
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)


def _activated(activation: Activation | None, x: np.ndarray) -> np.ndarray:
    if activation is None:
        return x
    return np.tanh(x) if activation == "tanh" else np.maximum(x, np.float32(0))
