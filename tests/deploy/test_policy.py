"""What a policy takes and gives: shapes, types, and numbers that are not finite."""

import numpy as np
import pytest

from deploy.policies import KINDS, policy_of
from deploy.small_policies import perceptron
from sparserl.types import UserError


@pytest.mark.parametrize(
    ("shape", "batch"),
    [((5,), ()), ((5,), (4,)), ((2, 3), (4, 2)), ((), (3,)), ((5,), (0,)), ((2, 3), (0,)), ((), (2, 0))],
)
def test_one_observation_or_any_batch(shape, batch):
    policy = perceptron("tanh", shape, outputs=2)
    seen = np.random.default_rng(1).normal(size=(*batch, *shape)).astype(np.float32)
    actions = policy.act(seen)
    assert (actions.shape, actions.dtype) == ((*batch, 2), np.float32)
    if batch and seen.size:
        last = tuple(-1 for _ in batch)
        np.testing.assert_allclose(policy.act(seen[last]), actions[last], rtol=1e-5)


def test_an_action_that_is_a_number_is_one_for_each_observation():
    policy = policy_of(KINDS["mean of a number"])
    assert [policy.act(np.ones(shape)).shape for shape in ((2,), (3, 2), (0, 2))] == [(), (3,), (0,)]


def test_discrete_actions_are_integers_and_the_first_of_equal_ones():
    policy = perceptron()
    *steps, last = policy.steps
    same = last._replace(kernel=np.zeros_like(last.kernel), bias=np.array([1, 2, 2], np.float32))
    chosen = policy._replace(steps=(*steps, same)).act(np.zeros(5))
    assert (chosen, chosen.dtype, chosen.shape) == (1, np.int32, ())


def test_types_that_mean_the_same_act_the_same():
    policy = perceptron()
    whole = np.arange(5)
    expected = policy.outputs(whole.astype(np.float32))
    for dtype in (np.float64, np.int64, np.uint8, np.float16):
        np.testing.assert_array_equal(policy.outputs(whole.astype(dtype)), expected)
    np.testing.assert_array_equal(policy.outputs(whole.tolist()), expected)


@pytest.mark.parametrize(
    ("dtype", "observation", "told"),
    [
        ("float32", np.zeros(4), r"the observation has shape \(4,\): it must be 5, with a batch before or not"),
        ("float32", np.zeros((5, 2)), r"has shape \(5, 2\)"),
        ("float32", 0.0, r"has shape \(\)"),
        ("float32", [[1, 2], [3]], "is no array"),
        ("float32", np.zeros(5, complex), "is of type complex128: it must be float32"),
        ("float32", np.full(5, "a"), "is of type <U1"),
        ("uint8", np.zeros(5), "is of type float64: it must be uint8, pixels from 0 to 255"),
    ],
)
def test_what_is_no_observation_is_told_in_one_line(dtype, observation, told):
    with pytest.raises(UserError, match=told) as caught:
        perceptron(dtype=dtype).act(observation)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize("decision", ["greatest", "tanh", "mean"])
def test_no_observation_leads_to_an_action_that_is_not_allowed(decision, normalized):
    policy = perceptron(decision, normalized=normalized)
    seen = np.array([[np.nan] * 5, [np.inf] * 5, [-np.inf, np.inf, np.nan, 3e38, -3e38], [1e-45] * 5], np.float32)
    actions = policy.act(seen)
    if decision == "greatest":
        assert set(actions) <= {0, 1, 2}
    else:
        assert ((actions >= -2) & (actions <= 1)).all()
    mean, limit = (policy.normalizer.mean, 5.0) if normalized else (0.0, 1e9)
    np.testing.assert_allclose(policy.outputs(seen[0]), policy.outputs(np.full(5, mean, np.float32)), rtol=1e-6)
    np.testing.assert_array_equal(policy.prepared(seen[1:2]), np.full((1, 5), limit, np.float32))
    assert np.isfinite(policy.outputs(seen)).all()


def test_a_mean_without_bounds_is_the_output_itself():
    policy = perceptron("mean", bounds=(-np.inf, np.inf))
    seen = np.ones((2, 5))
    np.testing.assert_array_equal(policy.act(seen), policy.outputs(seen))


def test_pixels_are_divided_by_255_unless_they_are_normalized():
    pixels = np.array([[0, 51, 102, 204, 255]], np.uint8)
    np.testing.assert_allclose(perceptron(dtype="uint8").prepared(pixels), pixels / 255, rtol=1e-6)
    policy = perceptron(dtype="uint8", normalized=True)
    mean, scale, limit = policy.normalizer
    np.testing.assert_allclose(policy.prepared(pixels), np.clip((pixels - mean) / scale, -limit, limit), rtol=1e-5)
