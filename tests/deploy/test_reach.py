"""Reach: no observation brings a number in a network beyond it, and it is not told where float32 ends."""

import numpy as np
import pytest
from policies import KINDS, observations_of, policy_of

from sparserl.deploy.computing import computed
from sparserl.deploy.reach import reach
from sparserl.deploy.steps import Dense


def layer(kernel, bias, activation=None):
    return Dense("layer", np.float32(kernel), np.float32(bias), activation, np.ones(np.shape(kernel), bool))


def test_it_is_the_largest_sum_with_all_signs_alike():
    first = layer([[1, -2], [-3, 4]], [-10, 1], "relu")
    assert reach((first,), (2,), 100.0) == 200 + 400 + 1  # in the second unit; in the first 100 + 300 + 10
    second = layer([[1], [-1]], [0.5])
    assert reach((first, second), (2,), 100.0) == 410 + 601 + 0.5


def test_tanh_holds_it_back_and_float32_ends_it():
    first, second = layer([[1e30]], [0], "tanh"), layer([[-3]], [0.25])
    assert reach((first, second), (1,), 1.0) == np.float32(1e30)
    assert reach((first, second), (1,), 1e9) == np.inf
    assert reach((first._replace(activation="relu"), layer([[0]], [0])), (1,), 1e9) == np.inf


@pytest.mark.parametrize("name", ["mlp", "mean", "cnn", "cnn of floats", "resnet"])
def test_no_output_is_beyond_it(name):
    policy = policy_of(KINDS[name], density=0.9)
    limit = 1.0 if policy.divisor != 1.0 else policy.limit
    outputs = computed(policy.steps, policy.as_input(observations_of(policy, 50)))
    assert np.abs(outputs).max() <= reach(policy.steps, policy.observation_shape, limit) < np.inf
