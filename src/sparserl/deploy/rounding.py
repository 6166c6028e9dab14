"""How far two computations of the same network in float32 may differ, because they add up in other orders."""

from collections.abc import Sequence

import numpy as np

from sparserl.deploy.computing import after_one, windows
from sparserl.deploy.steps import AddRemembered, Convolution, Dense, Flatten, MaxPool, Relu, Remember, Step

UNITS = 4 * float(np.finfo(np.float32).eps)  # allowed per unit of the bound: orders, fused products, other tanh
OF_TANH = 2.0  # units that an implementation of tanh may add to its result, which is at most 1


def bounds(steps: Sequence[Step], x: np.ndarray, error: np.ndarray) -> np.ndarray:
    """What the outputs of prepared observations `[batch, ...]` may differ by, `[batch, output]`.

    error: what these may differ by themselves, in units of UNITS.

    A running error bound (Higham, Accuracy and Stability of Numerical Algorithms, section 3.3): each product adds an
    error in proportion to the sum of what it adds up without signs, and passes on those from before by the sizes of
    the weights; ReLU, tanh and the largest of several never make one larger.
    """
    remembered = list[tuple[np.ndarray, np.ndarray]]()
    for step in steps:
        if isinstance(step, Remember):
            remembered.append((x, error))
        elif isinstance(step, AddRemembered):
            other, error_of_other = remembered.pop()
            x, error = x + other, error + error_of_other + np.abs(x) + np.abs(other)
        else:
            error = _passed_on(step, x, error)
            x = after_one(step, x)
    return UNITS * error


def _passed_on(step: Dense | Convolution | MaxPool | Relu | Flatten, x: np.ndarray, error: np.ndarray) -> np.ndarray:
    """The error behind a step of what is `x` with `error` before it."""
    if isinstance(step, Dense | Convolution):
        sizes = step._replace(kernel=np.abs(step.kernel), bias=np.abs(step.bias), activation=None)
        return after_one(sizes, np.abs(x) + error) + (OF_TANH if step.activation == "tanh" else 0.0)
    if isinstance(step, MaxPool):
        return windows(error, step.size, step.stride, step.padding, 0.0).max((-2, -1))
    return error.reshape(len(error), -1) if isinstance(step, Flatten) else error
