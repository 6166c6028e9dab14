"""A problem: one layer's kernel, mask and activations, the same for every library."""

from typing import NamedTuple

import numpy as np

from sparserl.sparsity import live_count

Matrix = np.ndarray


class Problem(NamedTuple):
    """Kernel `[in, out]`, zero outside `mask`; bias `[out]`, x `[in, batch]`, cotangent dy `[out, batch]`; float32."""

    kernel: Matrix
    mask: Matrix
    bias: Matrix
    x: Matrix
    dy: Matrix


def problem(shape: tuple[int, int], sparsity: float, batch_size: int) -> Problem:
    """A random problem with exactly as many live weights as a topology of this sparsity has; always the same."""
    random = np.random.default_rng(0)
    size, (inputs, outputs) = shape[0] * shape[1], shape
    mask = np.zeros(size, bool)
    mask[random.permutation(size)[: live_count(size, sparsity)]] = True
    draw = lambda *sides: np.asarray(random.standard_normal(sides, np.float32))
    mask = mask.reshape(shape)
    return Problem(
        np.where(mask, draw(*shape), np.float32(0)),
        mask,
        draw(outputs),
        draw(inputs, batch_size),
        draw(outputs, batch_size),
    )
