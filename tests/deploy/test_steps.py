"""Policies in NumPy beside JAX: steps of every network, and what agents do in evaluations."""

import jax
import numpy as np
import pytest

from covering import covering
from sparserl.deploy.computing import computed
from sparserl.deploy.steps import steps_of, weighted
from sparserl.networks import CNN, MLP, CNNSettings, MLPSettings, ResNet, ResNetSettings
from sparserl.types import UserError

NETWORKS = {
    "mlp": MLP(MLPSettings((7, 5)), (4,), 3),
    "mlp of a matrix, tanh": MLP(MLPSettings((6,), activation="tanh"), (2, 3), 2),
    "mlp of a single number": MLP(MLPSettings((6,)), (), 2),
    "cnn": CNN(CNNSettings(channels=(3, 4), kernel_sizes=(4, 3), strides=(3, 2), hidden_units=8), (11, 10, 2), 3),
    "cnn, valid": CNN(
        CNNSettings(channels=(3, 4), kernel_sizes=(4, 3), strides=(2, 1), hidden_units=8, padding="valid"),
        (9, 12, 2),
        3,
    ),
    "resnet": ResNet(ResNetSettings(channels=(3, 4), num_blocks=2, hidden_units=8), (9, 12, 2), 3),
}


@pytest.mark.parametrize("name", covering(list(NETWORKS), lambda name: name not in ("mlp", "cnn, valid")))
def test_steps_compute_what_the_network_does(name):
    network = NETWORKS[name]
    keys = jax.random.split(jax.random.key(0))
    params = jax.tree.map(lambda x: x + 0.1, network.init(keys[0]))
    seen = np.asarray(jax.random.normal(keys[1], (5, *network.observation_shape)))
    steps = steps_of(network, params, {})
    np.testing.assert_allclose(computed(steps, seen), network.apply(params, seen), rtol=2e-5, atol=2e-5)
    assert {step.name: step.kernel.shape for step in weighted(steps)} == network.layer_shapes


def test_dead_weights_are_exactly_0_and_a_live_one_may_be():
    network = NETWORKS["mlp"]
    params = network.init(jax.random.key(0))
    alive = np.arange(35).reshape(7, 5) % 3 == 0
    kernel = np.asarray(params["hidden_2"]["kernel"]).copy()
    kernel[0, 0] = 0.0  # alive
    params["hidden_2"]["kernel"] = kernel
    first, second, _ = steps_of(network, params, {"hidden_2": alive})
    assert first.live.all()
    np.testing.assert_array_equal(second.kernel, np.where(alive, kernel, 0))
    np.testing.assert_array_equal(second.live, alive)


def test_a_network_of_nobody_is_refused():
    with pytest.raises(UserError, match="a network of type object has no export: MLP, CNN and ResNet have"):
        steps_of(object(), {}, {})
