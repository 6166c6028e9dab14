"""Verification: what rounding explains passes, and every corruption of an artefact is seen."""

from typing import NamedTuple

import numpy as np
import pytest

from deploy.small_policies import perceptron
from sparserl.deploy.observations import adversarial, recorded
from sparserl.deploy.policy import Policy
from sparserl.deploy.steps import Dense
from sparserl.deploy.verification import Mismatch, compare, measured

KINDS = [("greatest", "relu"), ("tanh", "tanh"), ("mean", "relu")]


class Other(NamedTuple):
    """An artefact that adds up in another order: in float64, and rounded at the end."""

    policy: Policy
    act_of: Policy

    def outputs(self, seen):
        x = self.policy.as_input(seen).reshape(len(seen), -1).astype(np.float64)
        for step in self.policy.steps:
            if isinstance(step, Dense):
                x = x @ step.kernel.astype(np.float64) + step.bias
                x = {"relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, None: lambda x: x}[step.activation](x)
        return x.astype(np.float32)

    def act(self, seen):
        outputs = self.outputs(seen)
        return outputs.argmax(-1) if self.act_of.decision == "greatest" else self.act_of.decided(outputs)


def seen_by(policy, count=600):
    random = np.random.default_rng(3)
    ordinary = random.normal(size=(count // 2, 5)).astype(np.float32)
    return np.concatenate([ordinary, adversarial(policy, ordinary, count - len(ordinary), random)])


def with_kernel(policy, change):
    """The policy with its second layer's kernel changed."""
    steps = list(policy.steps)
    kernel = steps[1].kernel.copy()
    change(kernel)
    steps[1] = steps[1]._replace(kernel=kernel)
    return policy._replace(steps=tuple(steps))


def one_weight(kernel):
    kernel[np.nonzero(kernel)[0][0], np.nonzero(kernel)[1][0]] *= 1.001


def one_index(kernel):
    column = next(k for k in range(kernel.shape[1]) if 0 < np.count_nonzero(kernel[:, k]) < len(kernel))
    live, dead = np.flatnonzero(kernel[:, column])[0], np.flatnonzero(kernel[:, column] == 0)[0]
    kernel[dead, column], kernel[live, column] = kernel[live, column], 0


def one_byte(kernel):
    row, column = (int(at[0]) for at in np.nonzero(kernel))
    changed = bytearray(kernel[row, column].tobytes())
    changed[2] ^= 0x40
    kernel[row, column] = np.frombuffer(bytes(changed), np.float32)[0]


@pytest.mark.parametrize(("decision", "activation"), KINDS)
@pytest.mark.parametrize("normalized", [False, True])
def test_another_order_of_sums_passes_whatever_is_observed(decision, activation, normalized):
    policy = perceptron(decision, activation=activation, normalized=normalized)
    seen = seen_by(policy)
    assert np.isnan(seen).any()
    verified = compare(policy, Other(policy, policy), seen)
    assert verified.num_observations == len(seen)
    assert 0 < verified.largest_difference < 1e-3
    assert verified.action_agreement > 0.99


@pytest.mark.parametrize("change", [one_weight, one_index, one_byte])
@pytest.mark.parametrize(("decision", "activation"), KINDS)
def test_a_corrupted_kernel_is_seen(decision, activation, change):
    policy = perceptron(decision, activation=activation)
    broken = with_kernel(policy, change)
    with pytest.raises(Mismatch, match=r"the artefact gives outputs .* where the policy gives .*, for observation"):
        compare(policy, Other(broken, policy), seen_by(policy))
    assert measured(policy, Other(broken, policy), seen_by(policy)).largest_difference > 1e-6


@pytest.mark.parametrize("decision", ["greatest", "tanh", "mean"])
def test_an_artefact_that_is_not_exact_agrees_within_a_hundredth_of_the_range(decision):
    policy, seen = perceptron(decision), seen_by(perceptron(decision))
    other = Other(policy, policy)

    class Off(NamedTuple):
        by: float

        def outputs(self, seen):
            return other.outputs(seen)

        def act(self, seen):
            return other.act(seen) + (0 if decision == "greatest" else self.by)

    assert measured(policy, Off(0.02), seen).action_agreement > 0.99  # of a range of 3
    assert measured(policy, Off(0.04), seen).action_agreement == (1.0 if decision == "greatest" else 0.0)


def test_a_wrong_decision_behind_right_outputs_is_seen():
    for decision, wrong in (("greatest", lambda a: 2 - a), ("tanh", lambda a: a + 0.01), ("mean", lambda a: a * 2)):
        policy = perceptron(decision)

        class Wrong(NamedTuple):
            inner: Other
            wrong: object

            def outputs(self, seen):
                return self.inner.outputs(seen)

            def act(self, seen):
                return self.wrong(self.inner.act(seen))

        with pytest.raises(Mismatch, match="the artefact takes action"):
            compare(policy, Wrong(Other(policy, policy), wrong), seen_by(policy))


def test_adversarial_observations_have_the_type_of_the_policy():
    for dtype, size in (("uint8", 300), ("bool", 300), ("float32", 3)):
        policy = perceptron(dtype=dtype)
        seen = adversarial(policy, np.zeros((4, 5), dtype), size, np.random.default_rng(0))
        assert (seen.dtype.name, seen.shape) == (dtype, (size, 5))


@pytest.mark.parametrize("bounds", [(2000.0, 3000.0), (-0.001, 0.001), (5.0, np.inf), (-np.inf, np.inf), (2.0, 2.0)])
def test_random_actions_are_allowed_ones(bounds):
    policy, met = perceptron("mean", bounds=bounds), []

    class Stage(NamedTuple):
        def returns(self, act):
            seen = np.random.default_rng(0).normal(size=(50, 4, 5)).astype(np.float32)
            met.extend((act(each), policy.act(each)) for each in seen)

    recorded(policy, Stage(), 20, np.random.default_rng(0))
    actions, own = (np.concatenate(each) for each in zip(*met, strict=True))
    assert actions.dtype == np.float32
    assert ((actions >= np.float32(bounds[0])) & (actions <= np.float32(bounds[1]))).all()
    others = (actions != own).any(1).mean()
    assert others == 0 if bounds[0] == bounds[1] else 0.1 < others < 0.4
