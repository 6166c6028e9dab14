"""Small policies with random weights, of every kind that formats meet."""

import numpy as np

from sparserl.deploy.contract import Actions, Contract, LayerFacts, Observations, Timing
from sparserl.deploy.policy import Normalizer, Policy
from sparserl.deploy.steps import Dense, Flatten, weighted


def perceptron(
    decision="greatest",
    shape=(5,),
    units=(9, 8),
    outputs=3,
    activation="relu",
    density=0.4,
    normalized=False,
    dtype="float32",
    bounds=(-2.0, 1.0),
    seed=0,
):
    """A perceptron of `units`; sparse but for its first layer."""
    random = np.random.default_rng(seed)
    sizes = [int(np.prod(shape)), *units, outputs]
    names = [*(f"hidden_{i}" for i in range(1, len(sizes) - 1)), "output"]
    steps = [] if len(shape) == 1 else [Flatten()]
    for number, name in enumerate(names):
        live = random.random((sizes[number], sizes[number + 1])) < (density if number else 1.0)
        kernel = np.where(live, random.normal(size=live.shape), 0).astype(np.float32)
        bias = random.normal(size=live.shape[1]).astype(np.float32)
        steps.append(Dense(name, kernel, bias, None if name == "output" else activation, live))
    normalizer = None
    if normalized:
        mean, scale = random.normal(size=sizes[0]), random.uniform(0.5, 2, sizes[0])
        normalizer = Normalizer(mean.astype(np.float32), scale.astype(np.float32), 5.0)
    pixels = dtype == "uint8" and not normalized
    low, high = (np.full(outputs, bound, np.float32) for bound in bounds)
    discrete = decision == "greatest"
    seen = Observations(
        shape,
        dtype,
        divisor=255.0 if pixels else 1.0,
        mean=normalizer and normalizer.mean.tolist(),
        scale=normalizer and normalizer.scale.tolist(),
        limit=5.0 if normalized else 1e9,
    )
    plain = lambda bound: [float(each) if np.isfinite(each) else None for each in bound]
    action = (
        Actions("discrete", decision, outputs)
        if discrete
        else Actions("continuous", decision, shape=(outputs,), low=plain(low), high=plain(high))
    )
    facts = tuple(
        LayerFacts(s.name, s.kernel.shape, s.kernel.size, int(s.live.sum()), s.activation) for s in weighted(steps)
    )
    contract = Contract(seen, action, Timing("Example-v0"), facts)
    ends = (None, None) if discrete else (low, high)
    return Policy(contract, tuple(steps), decision, normalizer, seen.divisor, *ends)
