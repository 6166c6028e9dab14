"""Small policies of every kind of network, decision and observation, with random weights instead of trained ones."""

from typing import NamedTuple

import numpy as np

from sparserl.deploy.contract import Actions, Contract, Observations, Timing
from sparserl.deploy.policy import Normalizer, Policy
from sparserl.deploy.steps import steps_of
from sparserl.networks import CNN, MLP, CNNSettings, MLPSettings, ResNet, ResNetSettings

CNN_SETTINGS = {"channels": (3, 4), "kernel_sizes": (4, 3), "strides": (3, 2), "hidden_units": 8}


class Kind(NamedTuple):
    """A kind of policy; its actions are discrete unless `action_shape` is given."""

    network: MLP | CNN | ResNet
    dtype: str = "float32"
    decision: str = "greatest"
    action_shape: tuple[int, ...] | None = None
    normalized: bool = False


KINDS = {
    "mlp": Kind(MLP(MLPSettings((60, 40)), (4,), 3)),
    "mlp of a matrix": Kind(MLP(MLPSettings((6,), activation="tanh"), (2, 3), 2), normalized=True),
    "mlp of a number": Kind(MLP(MLPSettings((6,)), (), 2)),
    "tanh": Kind(MLP(MLPSettings((20, 20)), (5,), 4), "float32", "tanh", (2, 2)),
    "mean": Kind(MLP(MLPSettings((20,), activation="tanh"), (5,), 3), "float32", "mean", (3,), normalized=True),
    "mean of a number": Kind(MLP(MLPSettings((6,)), (2,), 1), "float32", "mean", ()),
    "cnn": Kind(CNN(CNNSettings(**CNN_SETTINGS), (11, 10, 2), 3), "uint8"),
    "cnn, valid": Kind(CNN(CNNSettings(**CNN_SETTINGS, padding="valid"), (11, 10, 2), 3), "bool"),
    "cnn of floats": Kind(CNN(CNNSettings(**CNN_SETTINGS), (9, 12, 2), 3), normalized=True),
    "resnet": Kind(ResNet(ResNetSettings(channels=(3, 4), num_blocks=2, hidden_units=8), (9, 12, 2), 3), "uint8"),
}


def policy_of(kind: Kind, density: float = 0.2) -> Policy:
    """A policy of this kind; of every layer but the last this part is alive."""
    random, shapes = np.random.default_rng(0), kind.network.layer_shapes
    draw = lambda shape, scale=1.0: (scale * random.normal(size=shape)).astype(np.float32)
    params = {
        name: {"kernel": draw(shape, np.prod(shape[:-1]) ** -0.5), "bias": draw(shape[-1], 0.1)}
        for name, shape in shapes.items()
    }
    masks = {name: random.random(shape) < density for name, shape in shapes.items() if name != "output"}
    seen, size = kind.network.observation_shape, kind.network.num_outputs
    divisor = 255.0 if kind.dtype == "uint8" else 1.0
    num_features = int(np.prod(seen))
    return Policy(
        Contract(Observations(seen, kind.dtype, divisor=divisor), _actions(kind), Timing("Test-v0")),
        steps_of(kind.network, params, masks),
        kind.decision,
        Normalizer(draw(num_features), 0.5 + draw(num_features) ** 2, 10.0) if kind.normalized else None,
        divisor,
        *_bounds(kind, size),
    )


def observations_of(policy: Policy, count: int) -> np.ndarray:
    """Random observations; among floats are some huge, infinite, denormal and no numbers."""
    random, shape = np.random.default_rng(1), (count, *policy.observation_shape)
    if policy.contract.observation.dtype == "uint8":
        return random.integers(0, 256, shape, np.uint8)
    if policy.contract.observation.dtype == "bool":
        return random.random(shape) < 0.3
    odd = random.choice(np.float32([0, 1e30, -1e30, np.inf, -np.inf, np.nan, 1e-40]), shape)
    return np.where(random.random(shape) < 0.05, odd, random.normal(size=shape).astype(np.float32))


def _actions(kind: Kind) -> Actions:
    if kind.action_shape is None:
        return Actions("discrete", "greatest", num_actions=kind.network.num_outputs)
    return Actions("continuous", kind.decision, shape=kind.action_shape)


def _bounds(kind: Kind, size: int) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Bounds of each dimension; one without on each side where the decision allows that."""
    if kind.action_shape is None:
        return None, None
    low, high = np.linspace(-2, -0.1, size, dtype=np.float32), np.linspace(0.3, 3, size, dtype=np.float32)
    if kind.decision == "mean":
        low[0], high[-1] = -np.inf, np.inf
    return low, high
