"""Gradients of single examples: their mean, their spread, and how much of them is signal."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Array, Params

SMALLEST_DEVIATION = 1e-10  # added to deviations, as in the published code


class Moments(NamedTuple):
    """Mean and population variance of each parameter's gradient over the examples of a batch; of one, no variance."""

    mean: Params
    variance: Params


def gradient_moments(loss: Callable[[Params, Any], Array], params: Params, examples: Any) -> Moments:
    """Moments of the gradients of `loss(params, example)`, a scalar, over the leading axis of `examples`.

    Examples come one by one, by Welford's recurrence (1962), so that only one gradient is held at a time: a batch of
    them takes gigabytes for an image network and, on a CPU, many times as long, because it does not fit the cache.
    """
    gradient = jax.grad(loss)

    def take(before: tuple[Array, Moments], example: Any) -> tuple[tuple[Array, Moments], None]:
        count, (mean, squares) = before[0] + 1.0, before[1]
        new = gradient(params, example)
        next_mean = jax.tree.map(lambda g, m: m + (g - m) / count, new, mean)
        add = lambda g, s, m, next_m: s + (g - m) * (g - next_m)
        return (count, Moments(next_mean, jax.tree.map(add, new, squares, mean, next_mean))), None

    zeros = jax.tree.map(jnp.zeros_like, params)
    (count, (mean, squares)), _ = jax.lax.scan(take, (jnp.float32(0), Moments(zeros, zeros)), examples)
    return Moments(mean, jax.tree.map(lambda s: jnp.where(count > 1, s / count, jnp.nan), squares))


def signal_to_noise(mean: Array, variance: Array) -> np.ndarray:
    """|mean| / deviation of each parameter's gradient, and 0 where that is always zero.

    Source: Graesser et al. 2022, section 7 (Deviation 37).
    """
    deviation = np.sqrt(np.asarray(variance, np.float64))
    return np.abs(np.asarray(mean, np.float64)) / (deviation + SMALLEST_DEVIATION)
