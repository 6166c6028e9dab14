"""The exact top-k selection against sorting in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sparserl.sparsity import top

# Few values, so that ties are common, with both zeros and the extremes of the order.
TIED = st.sampled_from([-np.inf, -2.5, -1.0, -0.0, 0.0, 1e-30, 1.0, 2.5, 3e38, np.inf])
FLOATS = st.floats(width=32, allow_nan=False, allow_subnormal=False)
SHAPES = st.sampled_from([(1,), (7,), (4, 5), (2, 3, 2, 4)])


def sorted_top(scores, k, eligible=None):
    """The rule in words: eligible before ineligible, then higher scores, then lower index; the first k."""
    flat = scores.ravel()
    able = np.ones(flat.size, bool) if eligible is None else eligible.ravel()
    order = sorted(range(flat.size), key=lambda i: (not able[i], -flat[i] if able[i] else 0.0, i))
    mask = np.zeros(flat.size, bool)
    mask[order[:k]] = True
    return mask.reshape(scores.shape)


@settings(max_examples=60)
@given(st.data(), SHAPES, st.sampled_from([TIED, FLOATS]))
def test_top_is_the_head_of_a_stable_sort(data, shape, values):
    scores = data.draw(arrays(np.float32, shape, elements=values))
    k = data.draw(st.integers(0, scores.size))
    np.testing.assert_array_equal(top(jnp.asarray(scores), k), sorted_top(scores, k))


@settings(max_examples=60)
@given(st.data(), SHAPES)
def test_ineligible_entries_rank_below_all(data, shape):
    scores = data.draw(arrays(np.float32, shape, elements=TIED))
    eligible = data.draw(arrays(bool, shape))
    k = data.draw(st.integers(0, scores.size))
    chosen = np.asarray(top(jnp.asarray(scores), k, jnp.asarray(eligible)))
    np.testing.assert_array_equal(chosen & eligible, sorted_top(scores, k, eligible) & eligible)
    assert chosen.sum() == k


def test_ties_go_to_the_lowest_index():
    np.testing.assert_array_equal(top(jnp.array([1.0, 2.0, 1.0, 1.0, 2.0]), 3), [True, True, False, False, True])
    np.testing.assert_array_equal(top(jnp.array([0.0, -0.0, 0.0]), 2), [True, True, False])


def test_nan_ranks_last_and_the_count_stays_exact():
    scores = jnp.array([np.nan, -1.0, np.nan, 5.0, -np.nan])
    np.testing.assert_array_equal(top(scores, 2), [False, True, False, True, False])
    assert int(top(scores, 4).sum()) == 4


def test_large_and_half_precision_scores():
    generator = np.random.default_rng(0)
    scores = generator.standard_normal((300, 200)).astype(np.float32).round(2)  # thousands of ties
    order = np.argsort(-scores.ravel(), kind="stable")
    for k in (1, 777, 30_000, 60_000):
        expected = np.zeros(scores.size, bool)
        expected[order[:k]] = True
        np.testing.assert_array_equal(np.asarray(top(jnp.asarray(scores), k)).ravel(), expected)
    halves = jnp.asarray(scores[:20, :20], jnp.bfloat16)
    np.testing.assert_array_equal(top(halves, 100), sorted_top(np.asarray(halves, np.float32), 100))


@pytest.mark.parametrize("axis", ["scores", "k", "both"])
def test_traced_k_and_vmap(axis):
    scores = jax.random.normal(jax.random.key(0), (5, 6, 4)).round(1)
    counts = jnp.array([0, 1, 7, 23, 24])
    in_axes = {"scores": (0, None), "k": (None, 0), "both": (0, 0)}[axis]
    args = (scores if in_axes[0] == 0 else scores[0], counts if in_axes[1] == 0 else counts[2])
    batched = jax.jit(jax.vmap(top, in_axes))(*args)
    for i in range(5):
        one = np.asarray(scores[i if in_axes[0] == 0 else 0])
        k = int(counts[i if in_axes[1] == 0 else 2])
        np.testing.assert_array_equal(batched[i], sorted_top(one, k))
    assert batched.dtype == bool
