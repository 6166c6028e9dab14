"""Rounding: no order of sums exceeds the bound, usual ones stay far below what is allowed, and a defect does not."""

from typing import NamedTuple

import numpy as np
import pytest

from deploy.policies import KINDS, Kind, observations_of, policy_of
from sparserl.deploy.computing import computed
from sparserl.deploy.policy import Policy
from sparserl.deploy.rounding import bounding
from sparserl.deploy.steps import Dense, weighted
from sparserl.deploy.verification import Mismatch, compare, reference
from sparserl.networks import CNN, MLP, CNNSettings, MLPSettings, ResNet, ResNetSettings

WIDE = Kind(MLP(MLPSettings((40,)), (3000,), 3))
DEEP = {
    "mlp": Kind(MLP(MLPSettings((400, 400, 400)), (8,), 3), "uint8"),
    "cnn": Kind(
        CNN(CNNSettings((16, 32), kernel_sizes=(4, 3), strides=(2, 1), hidden_units=64), (12, 12, 2), 3), "uint8"
    ),
    "resnet": Kind(ResNet(ResNetSettings(channels=(16, 16), hidden_units=64), (10, 10, 2), 3), "uint8"),
}


def one_after_another(policy, seen):
    """Outputs with every sum from its first product to its last, in float32, which is as bad as an order gets."""
    x = policy.as_input(seen)
    for step in policy.steps:
        assert isinstance(step, Dense)
        total = np.zeros((len(x), len(step.bias)), np.float32)
        for row in range(x.shape[1]):
            total += x[:, row : row + 1] * step.kernel[row]
        total += step.bias
        x = total if step.activation is None else np.maximum(total, 0)
    return x


@pytest.mark.parametrize("weights", ["random", "positive", "equal"])
def test_no_order_of_sums_exceeds_the_bound(weights):
    """Sums of thousands of numbers of one sign, too, whose roundings exceed any constant number of units."""
    policy, seen = policy_of(WIDE, 1.0), np.random.default_rng(2).random((20, 3000)).astype(np.float32)
    kernels = {"random": lambda kernel: kernel, "positive": np.abs, "equal": lambda kernel: np.full_like(kernel, 0.1)}
    policy = policy._replace(steps=tuple(s._replace(kernel=kernels[weights](s.kernel)) for s in policy.steps))
    x = policy.as_input(seen)
    outputs, bounds, _ = bounding(policy.steps).of(x, np.zeros_like(x))
    np.testing.assert_array_equal(outputs, computed(policy.steps, x))
    differences = np.abs(one_after_another(policy, seen) - outputs)
    assert (differences <= bounds).all()
    exact = computed([s._replace(kernel=s.kernel.astype(np.float64)) for s in policy.steps], x.astype(np.float64))
    assert (np.abs(exact - outputs) <= bounds).all()
    assert (np.abs(exact - one_after_another(policy, seen)) <= bounds).all()
    if weights == "equal":  # every rounding goes the same way
        units = 4 * np.finfo(np.float32).eps * np.abs(exact)
        assert (np.abs(exact - one_after_another(policy, seen)) > units).any()


@pytest.mark.parametrize("name", KINDS)
def test_the_bound_holds_for_other_inputs_and_every_kind_of_network(name):
    """Inputs that differ by as much as they may, computed in float64: outputs differ by no more than the bound."""
    policy, random = policy_of(KINDS[name], 0.6), np.random.default_rng(3)
    x = policy.as_input(observations_of(policy, 40))
    error = 1e5 * np.abs(x)
    outputs, bounds, _ = bounding(policy.steps).of(x, error)
    exact = computed(policy.steps, x + 8 * 2.0**-24 * error * random.choice((-1.0, 1.0), x.shape))
    assert exact.dtype == np.float64
    assert (np.abs(exact - outputs) <= bounds).all()
    assert (np.abs(exact - outputs) > 0).any()


class Exact(NamedTuple):
    """An artefact in float64, rounded at the end."""

    policy: Policy

    def outputs(self, seen):
        return computed(self.policy.steps, self.policy.as_input(seen).astype(np.float64)).astype(np.float32)

    def act(self, seen):
        return self.policy.actions_of(self.outputs(seen))


def with_one_wrong_weight(policy, layer, seen):
    """Another sign of the largest weight of a layer that changes an output, as those of dead units do not."""
    right = Exact(policy).outputs(seen)
    for at in np.argsort(-np.abs(layer.kernel), axis=None):
        kernel = layer.kernel.copy()
        kernel.ravel()[at] *= -1
        steps = tuple(step._replace(kernel=kernel) if step is layer else step for step in policy.steps)
        wrong = Exact(policy._replace(steps=steps))
        if (wrong.outputs(seen) != right).any():
            return wrong
    raise AssertionError("no weight matters")


@pytest.mark.parametrize("name", DEEP)
def test_one_wrong_weight_of_a_deep_dense_network_is_seen(name):
    """Where the bound is as large as outputs are, so that it alone shows nothing."""
    policy = policy_of(DEEP[name], 1.0)
    seen = observations_of(policy, 16)
    known, x = reference(policy, seen), policy.as_input(seen)
    bounds = bounding(policy.steps).of(x, policy.input_error(x)).bounds
    assert np.median(bounds) > 0.1 * np.abs(known.outputs).max()
    compare(policy, Exact(policy), seen, known)
    assert (np.abs(Exact(policy).outputs(seen) - known.outputs) < 0.02 * known.allowed).all()
    for layer in weighted(policy.steps):
        with pytest.raises(Mismatch, match="the artefact gives outputs"):
            compare(policy, with_one_wrong_weight(policy, layer, seen), seen, known)


def test_large_batches_go_in_parts_and_how_far_they_are_is_told():
    policy, told = policy_of(WIDE), list[str]()
    seen = np.random.default_rng(4).random((1500, 3000)).astype(np.float32)
    whole = reference(policy, seen, told.append)
    assert len(told) == 10
    assert told[-1] == "computed 1,500 of 1,500 observations"
    np.testing.assert_allclose(whole.outputs[[0, 700, -1]], policy.outputs(seen[[0, 700, -1]]), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(whole.outputs, policy.outputs(seen))
    reference(policy, seen[:50], told.append)
    assert len(told) == 10
