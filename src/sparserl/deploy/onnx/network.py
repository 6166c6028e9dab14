"""The steps of a network as ONNX nodes.

ONNX has the channels of images in front of their sides. Observations come as everywhere else, channels last, so one
`Transpose` stands behind them; where images are flattened, the rows of the next kernel change places instead.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sparserl.deploy.onnx.parts import Parts
from sparserl.deploy.steps import (
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

OPERATORS = {"relu": "Relu", "tanh": "Tanh"}


class Flowing(NamedTuple):
    """What goes from step to step: the name of a value and its shape without the batch, channels last.

    rows: where the rows of the next dense kernel come from, if they change places.
    """

    name: str
    shape: tuple[int, ...]
    rows: np.ndarray | None = None


def add_network(parts: Parts, steps: Sequence[Step], observation: str, shape: tuple[int, ...], output: str) -> None:
    """Add the nodes from a prepared observation to the value `output`."""
    channels_first = any(isinstance(step, Convolution | MaxPool) for step in steps)
    if channels_first:
        observation = parts.add("Transpose", [observation], "channels_first", perm=[0, 3, 1, 2])
    x, remembered = Flowing(observation, shape), list[str]()
    for index, step in enumerate(steps):
        name = output if index == len(steps) - 1 else f"{getattr(step, 'name', f'step_{index}')}.output"
        if isinstance(step, Remember):
            remembered.append(x.name)
        elif isinstance(step, AddRemembered):
            x = x._replace(name=parts.add("Add", [x.name, remembered.pop()], name))
        elif isinstance(step, Flatten):
            rows = _rows(x.shape) if channels_first else None
            x = Flowing(parts.add("Flatten", [x.name], name, axis=1), (math.prod(x.shape),), rows)
        else:
            x = _added(parts, step, x, name)


def _added(parts: Parts, step: Dense | Convolution | MaxPool | Relu, x: Flowing, output: str) -> Flowing:
    if isinstance(step, Relu):
        return x._replace(name=parts.add("Relu", [x.name], output))
    if isinstance(step, Dense):
        kernel = step.kernel if x.rows is None else step.kernel[x.rows]
        inputs = [x.name, parts.kernel(f"{step.name}.kernel", kernel), parts.constant(f"{step.name}.bias", step.bias)]
        return Flowing(_activated(parts, step, "Gemm", inputs, output), step.bias.shape)
    if isinstance(step, MaxPool):
        places = _places(step.size, step.stride, step.padding)
        return Flowing(parts.add("MaxPool", [x.name], output, **places), _pooled(x, step.size, step, x.shape[-1]))
    size, channels = len(step.kernel), step.kernel.shape[-1]
    kernel = parts.kernel(f"{step.name}.kernel", step.kernel.transpose(3, 2, 0, 1))
    inputs = [x.name, kernel, parts.constant(f"{step.name}.bias", step.bias)]
    name = _activated(parts, step, "Conv", inputs, output, **_places(size, step.stride, step.padding))
    return Flowing(name, _pooled(x, size, step, channels))


def _activated(
    parts: Parts, step: Dense | Convolution, operator: str, inputs: list[str], output: str, **attributes: Any
) -> str:
    if step.activation is None:
        return parts.add(operator, inputs, output, **attributes)
    before = parts.add(operator, inputs, f"{step.name}.sum", **attributes)
    return parts.add(OPERATORS[step.activation], [before], output)


def _places(size: int, stride: int, padding: tuple[Sides, Sides]) -> dict[str, list[int]]:
    """Where a square window goes, as attributes; ONNX names all sides in front before all behind."""
    (top, bottom), (left, right) = padding
    return {"kernel_shape": [size, size], "strides": [stride, stride], "pads": [top, left, bottom, right]}


def _pooled(x: Flowing, size: int, step: Convolution | MaxPool, channels: int) -> tuple[int, int, int]:
    """The shape behind a square window that goes over images."""
    sides = zip(x.shape[:2], step.padding, strict=True)
    height, width = ((side + sum(around) - size) // step.stride + 1 for side, around in sides)
    return height, width, channels


def _rows(shape: tuple[int, ...]) -> np.ndarray:
    """Which row of a kernel for flattened images `shape`, channels last, each feature has with channels first."""
    return np.arange(math.prod(shape)).reshape(shape).transpose(2, 0, 1).ravel()
