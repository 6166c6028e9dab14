"""Small policies with random weights, for tests of exports."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sparserl.deploy.contract import Actions, Contract, Observations, Timing
from sparserl.deploy.policy import Normalizer, Policy
from sparserl.deploy.steps import Dense

LOW, HIGH = -1.0, 2.0  # of bounded actions


def policy(
    sizes: Sequence[int],
    densities: Sequence[float],
    activation: Any = "relu",
    decision: Any = "tanh",
    normalizer: bool = False,
    seed: int = 0,
) -> Policy:
    """A policy of layers between `sizes`, each with the given density; continuous actions have a last unbounded one
    where the decision is "mean".
    """
    rng, num_outputs = np.random.default_rng(seed), sizes[-1]
    last = len(densities) - 1
    steps = tuple(
        _layer(
            rng,
            f"hidden_{i + 1}" if i < last else "output",
            sizes[i : i + 2],
            density,
            activation if i < last else None,
        )
        for i, density in enumerate(densities)
    )
    low, high = np.full(num_outputs, LOW, np.float32), np.full(num_outputs, HIGH, np.float32)
    if decision == "mean":
        low[-1], high[-1] = -np.inf, np.inf
    actions, bounds = Actions("discrete", "greatest", num_actions=num_outputs), dict[str, np.ndarray]()
    if decision != "greatest":
        told = [None if np.isinf(bound).any() else list(map(float, bound)) for bound in (low, high)]
        actions = Actions("continuous", decision, shape=(num_outputs,), low=told[0], high=told[1])
        bounds = {"low": low, "high": high}
    scale = (0.5 + rng.random(sizes[0])).astype(np.float32)
    moments = Normalizer(rng.standard_normal(sizes[0]).astype(np.float32), scale, 10.0) if normalizer else None
    contract = Contract(Observations((sizes[0],)), actions, Timing("Small-v0"))
    return Policy(contract, steps, decision, moments, **bounds)


def observations(policy: Policy, count: int = 20) -> np.ndarray:
    """Drawn observations, behind those that are hard: not numbers, infinite, huge, denormal, zero."""
    drawn = 3 * np.random.default_rng(1).standard_normal((count, policy.num_features)).astype(np.float32)
    for row, value in enumerate((np.nan, np.inf, -np.inf, 3e38, -3e38, 1e-42, 0.0)):
        drawn[row] = value
    drawn[7, 0], drawn[8, -1], drawn[9, 0] = np.nan, np.nan, -np.inf
    return drawn


def _layer(rng: np.random.Generator, name: str, shape: Sequence[int], density: float, activation: Any) -> Dense:
    live = rng.random(shape) < density
    weights = rng.standard_normal(shape) / np.sqrt(max(shape[0] * density, 1.0))
    kernel = np.where(live, weights, 0).astype(np.float32)
    return Dense(name, kernel, (0.1 * rng.standard_normal(shape[1])).astype(np.float32), activation, live)
