"""Safetensors: a policy's weights as plain arrays that need nothing of this project to be read (docs/deploy.md).

A kernel `[..., out]` of a layer NAME is `NAME.kernel` or, where that takes fewer bytes, its live weights alone:
`NAME.values`, by output unit; `NAME.inputs`, the row of each in the kernel with all axes but the last joined; and
`NAME.starts` `[out + 1]`, where the weights of each output begin. There are `NAME.bias`, and `normalizer.mean` and
`normalizer.scale` where the policy has one. Live weights that are 0 count as live.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sparserl.deploy.policy import Normalizer, Policy
from sparserl.deploy.steps import Convolution, Dense, Weighted, weighted
from sparserl.deploy.verification import Mismatch
from sparserl.persistence.checkpoint import arrays_content, parse_arrays
from sparserl.types import UserError

FILE = "policy.safetensors"


def write(policy: Policy, folder: Path) -> None:
    """Write a policy's weights."""
    (folder / FILE).write_bytes(arrays_content(arrays_of(policy)))


def arrays_of(policy: Policy) -> dict[str, np.ndarray]:
    """All arrays of the file by name."""
    arrays = {name: array for step in weighted(policy.steps) for name, array in _arrays(step).items()}
    if policy.normalizer is not None:
        arrays |= {"normalizer.mean": policy.normalizer.mean, "normalizer.scale": policy.normalizer.scale}
    return arrays


def opened(policy: Policy, folder: Path) -> "Stored":
    """The policy that a file holds. Raises `Mismatch` where it is damaged, or its weights are not the policy's."""
    path = folder / FILE
    try:
        arrays = parse_arrays(path.read_bytes(), path)
    except UserError as error:
        raise Mismatch(str(error)) from None
    for name, wanted in arrays_of(policy).items():
        given = arrays.get(name)
        same_kind = given is not None and (given.dtype, given.shape) == (wanted.dtype, wanted.shape)
        if given is None or not same_kind or given.tobytes() != wanted.tobytes():
            raise Mismatch(f"{path} holds other values of {name} than the policy")
    if extra := sorted(arrays.keys() - arrays_of(policy).keys()):
        raise Mismatch(f"{path} holds {extra[0]}, which the policy has not")
    return Stored(policy, arrays)


class Stored(NamedTuple):
    """What a file holds of a policy, and how it is said to be computed."""

    policy: Policy
    arrays: Mapping[str, np.ndarray]

    def outputs(self, observations: np.ndarray) -> np.ndarray:
        """Outputs `[batch, output]` from the arrays of the file."""
        return self._read().outputs(observations)

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Actions `[batch]`, or `[batch, *action]`."""
        return self._read().act(observations)

    def answers(self, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both."""
        read = self._read()
        outputs = read.outputs(observations)
        return outputs, read.actions_of(outputs)

    def _read(self) -> Policy:
        steps = [self._step(step) if isinstance(step, Dense | Convolution) else step for step in self.policy.steps]
        normalizer = self.policy.normalizer
        if normalizer is not None:
            mean, scale = self.arrays["normalizer.mean"], self.arrays["normalizer.scale"]
            normalizer = Normalizer(mean, scale, normalizer.limit)
        return self.policy._replace(steps=tuple(steps), normalizer=normalizer)

    def _step(self, step: Weighted) -> Weighted:
        return step._replace(
            kernel=kernel_of(self.arrays, step.name, step.kernel.shape), bias=self.arrays[f"{step.name}.bias"]
        )


def kernel_of(arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The kernel of a layer, with zeros for its dead weights."""
    if f"{name}.kernel" in arrays:
        return arrays[f"{name}.kernel"]
    flat = np.zeros((int(np.prod(shape[:-1])), shape[-1]), np.float32)
    outputs = np.repeat(np.arange(shape[-1]), np.diff(arrays[f"{name}.starts"]))
    flat[arrays[f"{name}.inputs"], outputs] = arrays[f"{name}.values"]
    return flat.reshape(shape)


def _arrays(step: Weighted) -> dict[str, np.ndarray]:
    bias = {f"{step.name}.bias": step.bias}
    live = step.live.reshape(-1, step.live.shape[-1])
    outputs, inputs = np.nonzero(live.T)
    starts = np.append(0, np.cumsum(live.sum(0))).astype(np.int32)
    index = np.uint16 if len(live) <= 2**16 else np.int32
    values = step.kernel.reshape(live.shape)[inputs, outputs]
    sparse = {"values": values, "inputs": inputs.astype(index), "starts": starts}
    if sum(array.nbytes for array in sparse.values()) >= step.kernel.nbytes:
        return {f"{step.name}.kernel": step.kernel, **bias}
    return {**{f"{step.name}.{name}": array for name, array in sparse.items()}, **bias}
