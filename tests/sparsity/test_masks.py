"""Kernels by name, counts of live weights, random masks."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparserl.sparsity import apply_masks, kernels, live_count, pruned_count, random_masks, replace_kernels

PARAMS = {
    "q": {
        "hidden_1": {"kernel": jnp.arange(6.0).reshape(2, 3), "bias": jnp.ones(3)},
        "output": {"kernel": jnp.full((3, 2), 2.0), "bias": jnp.zeros(2)},
    },
    "policy": {"log_std": jnp.zeros(2), "torso": {"conv": {"kernel": jnp.ones((3, 3, 1, 2)), "bias": jnp.zeros(2)}}},
}


def test_kernels_are_named_by_network_and_layer():
    found = kernels(PARAMS)
    assert list(found) == ["policy/torso/conv", "q/hidden_1", "q/output"]
    np.testing.assert_array_equal(found["q/hidden_1"], np.arange(6.0).reshape(2, 3))


def test_replace_kernels_changes_only_what_it_is_given():
    changed = replace_kernels(PARAMS, {"q/output": jnp.full((3, 2), 7.0)})
    np.testing.assert_array_equal(changed["q"]["output"]["kernel"], np.full((3, 2), 7.0))
    back = replace_kernels(changed, {"q/output": PARAMS["q"]["output"]["kernel"]})
    assert jax.tree.structure(back) == jax.tree.structure(PARAMS)
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool((a == b).all()), back, PARAMS)))
    with pytest.raises(KeyError):
        replace_kernels(PARAMS, {"q/hidden_9": jnp.zeros((3, 2))})


def test_apply_masks_leaves_exact_zeros_and_other_layers_alone():
    weights = {"q/a": jnp.array([[1.0, jnp.inf], [jnp.nan, -2.0]], jnp.bfloat16), "q/b": jnp.ones((2, 2))}
    masked = apply_masks({"q/a": jnp.array([[True, False], [False, True]])}, weights)
    np.testing.assert_array_equal(masked["q/a"].astype(jnp.float32), [[1.0, 0.0], [0.0, -2.0]])
    assert not np.signbit(np.asarray(masked["q/a"], np.float32)[0, 1])
    assert masked["q/a"].dtype == jnp.bfloat16
    assert masked["q/b"] is weights["q/b"]


@pytest.mark.parametrize("percent", range(100))
def test_live_count_of_typed_sparsities_is_exact(percent):
    sparsity = percent / 100
    for size in (1, 7, 10, 48, 100, 400, 2048, 15_000, 3_964_928):
        assert live_count(size, sparsity) == size - size * percent // 100
        assert pruned_count(size, sparsity) == max(round(Fraction(size * (100 - percent), 100)), 1)


@settings(max_examples=500)
@given(st.integers(1, 10**7), st.integers(1, 6), st.data())
def test_counts_are_those_of_the_sparsity_as_it_was_typed(size, num_digits, data):
    """Deviation 6: of the decimal number that was typed, not of the binary one nearest to it."""
    typed = f"0.{data.draw(st.integers(0, 10**num_digits - 1)):0{num_digits}}"
    exact = Fraction(typed)
    assert live_count(size, float(typed)) == size - math.floor(size * exact)
    assert pruned_count(size, float(typed)) == max(round(size * (1 - exact)), 1)


def test_whole_and_half_numbers_that_floats_miss():
    assert 5530 * 0.7 < 3871
    assert live_count(5530, 0.7) == 5530 - 3871
    assert 455 * (1 - 0.9) < 45.5
    assert pruned_count(455, 0.9) == 46  # half to even


@pytest.mark.parametrize("percent", range(1, 100))
def test_counts_of_sparsities_that_were_computed_are_those_of_what_was_meant(percent):
    """From densities, as in 1 - 0.9, and from counts themselves, as a layer's share of a budget is."""
    exact = Fraction(percent, 100)
    for size in (10, 100, 455, 5530, 3_964_928):
        for sparsity in (1 - (100 - percent) / 100, 1.0 - (1.0 - percent / 100), np.float32(percent / 100)):
            assert live_count(size, sparsity) == size - math.floor(size * exact)
            assert pruned_count(size, sparsity) == max(round(size * (1 - exact)), 1)
    assert [live_count(5530, 1.0 - live / 5530) for live in range(1, 5530, 53)] == list(range(1, 5530, 53))
    assert [live_count(3 * 7 * 11, 1.0 - live * (1 / 231)) for live in range(1, 231)] == list(range(1, 231))


def test_less_than_all_stays_less():
    assert [live_count(size, math.nextafter(1.0, 0.0)) for size in (1, 2, 3_964_928)] == [1, 1, 1]
    assert [live_count(size, 0.999999999999999) for size in (1, 2, 3_964_928)] == [1, 1, 1]


def test_pruned_count_rounds_half_to_even_and_keeps_one():
    assert [pruned_count(size, 0.5) for size in (1, 2, 3, 5, 7)] == [1, 1, 2, 2, 4]
    assert pruned_count(1000, 1 - 1e-9) == 1
    assert pruned_count(1000, 0.0) == 1000


def test_random_masks_have_exact_counts_and_differ_by_layer_and_key():
    shapes = {"q/a": (20, 30), "q/b": (20, 30), "q/c": (3, 3, 2, 8), "q/dense": (4, 4)}
    weights = {name: jnp.zeros(shape) for name, shape in shapes.items()}
    sparsities = {"q/a": 0.9, "q/b": 0.9, "q/c": 0.67, "q/dense": 0.0}
    masks = random_masks(jax.random.key(0), weights, sparsities)
    counts = {name: int(mask.sum()) for name, mask in masks.items()}
    assert counts == {"q/a": 60, "q/b": 60, "q/c": 144 - int(0.67 * 144), "q/dense": 16}
    assert all(masks[name].dtype == bool and masks[name].shape == shapes[name] for name in shapes)
    assert (masks["q/a"] != masks["q/b"]).any()
    assert (masks["q/a"] != random_masks(jax.random.key(1), weights, sparsities)["q/a"]).any()
    again = random_masks(jax.random.key(0), dict(reversed(weights.items())), sparsities)
    np.testing.assert_array_equal(again["q/c"], masks["q/c"])
    assert "q/b" not in random_masks(jax.random.key(0), weights, {"q/a": 0.5})


def test_random_masks_are_uniform_over_positions():
    draw = lambda key: random_masks(key, {"a": jnp.zeros((4, 5))}, {"a": 0.7})["a"]
    frequency = np.asarray(jax.vmap(draw)(jax.random.split(jax.random.key(0), 4000))).mean(axis=0)
    deviation = np.sqrt(0.3 * 0.7 / 4000)
    assert np.abs(frequency - 0.3).max() < 5 * deviation
