"""How large numbers can become inside a network, whatever is observed: what is not finite decides nothing."""

from collections.abc import Sequence

import numpy as np

from sparserl.deploy.computing import after_one
from sparserl.deploy.steps import AddRemembered, Convolution, Dense, Relu, Remember, Step

LARGEST = 1e36  # float32 ends at 3.4e38; what is between is for rounding, and for a few layers of its bounds


def reach(steps: Sequence[Step], shape: Sequence[int], limit: float) -> float:
    """No number that is added up for observations of `shape`, prepared to lie within +- `limit`, exceeds this one.

    All weights are taken without their signs, and every feature is the largest. Infinite where float32 ends.
    """
    x, remembered = np.full((1, *shape), limit, np.float32), list[np.ndarray]()
    largest = limit
    with np.errstate(over="ignore", invalid="ignore"):
        for step in steps:
            if isinstance(step, Remember):
                remembered.append(x)
            elif isinstance(step, AddRemembered):
                x = x + remembered.pop()
            elif isinstance(step, Dense | Convolution):
                sizes = step._replace(kernel=np.abs(step.kernel), bias=np.abs(step.bias), activation=None)
                x = after_one(sizes, x)
            elif not isinstance(step, Relu):
                x = after_one(step, x)
            largest = max(largest, float(np.nan_to_num(x, nan=np.inf, posinf=np.inf).max()))
            if isinstance(step, Dense | Convolution) and step.activation == "tanh":
                x = np.minimum(x, np.float32(1))
    return largest
