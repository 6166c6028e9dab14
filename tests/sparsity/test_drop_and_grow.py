"""Drop and grow, and the updates of every method, against the rules of the papers written out in NumPy."""

import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sparserl.sparsity import METHODS, WindowProgress, drop_and_grow, live_count

pytestmark = pytest.mark.slow

SHAPE = (5, 6)
MAGNITUDES = st.sampled_from([0.0, 0.0, 0.25, 0.5, 1.0, 3.0])
SCORES = st.sampled_from([-1.0, -0.5, -0.0, 0.0, 0.25, 2.0])


def move_by_hand(mask, magnitude, growth, moved):
    """Rank live weights by magnitude, drop the last ones; rank what is not kept by score, grow the first ones."""
    flat, size, strength, score = mask.ravel(), mask.size, magnitude.ravel(), growth.ravel()
    live = [i for i in range(size) if flat[i]]
    moved = min(moved, len(live))
    kept = sorted(live, key=lambda i: (-strength[i], i))[: len(live) - moved]
    others = [i for i in range(size) if i not in kept]
    grown = sorted(others, key=lambda i: (-score[i], i))[:moved]
    result = np.zeros(size, bool)
    result[kept + grown] = True
    return result.reshape(mask.shape)


@settings(max_examples=150)
@given(
    arrays(bool, SHAPE), arrays(np.float32, SHAPE, elements=MAGNITUDES), arrays(np.float32, SHAPE, elements=SCORES),
    st.integers(0, 40),
)  # fmt: skip
def test_drop_and_grow_is_the_rule(mask, magnitude, growth, moved):
    after = jax.jit(drop_and_grow)(mask, magnitude, growth, moved)
    np.testing.assert_array_equal(after, move_by_hand(mask, magnitude, growth, moved))
    assert int(after.sum()) == mask.sum()


def test_a_dead_weight_is_never_kept_for_its_magnitude():
    mask = jnp.array([True, True, False, False])
    after = drop_and_grow(mask, jnp.array([0.0, 0.0, 9.0, 0.0]), jnp.array([0.0, 0.0, 0.0, 1.0]), 1)
    np.testing.assert_array_equal(after, [True, False, False, True])


def test_a_weight_that_was_just_dropped_may_come_back():
    mask = jnp.array([True, True, False, False])
    after = drop_and_grow(mask, jnp.array([5.0, 0.1, 0.0, 0.0]), jnp.array([0.0, 9.0, 1.0, 2.0]), 1)
    np.testing.assert_array_equal(after, mask)


def test_more_than_the_dead_are_dropped_where_few_are_dead():
    """Nine of ten live, four moved: the five largest stay, and the four best scores of the five others grow."""
    mask, magnitude = jnp.arange(10) < 9, jnp.maximum(9.0 - jnp.arange(10), 0.0)
    growth = jnp.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 5.0, 5.0, 4.0, 6.0])
    np.testing.assert_array_equal(drop_and_grow(mask, magnitude, growth, 4), [True] * 5 + [False] + [True] * 4)


def by_reordered_scores(mask, magnitude, growth, moved):
    """The rule as jaxpruner and the published code put it: two selections from the whole tensor, the first with the
    scores of dead weights below all others, the second with those of kept weights above all others.
    """
    best = lambda scores, count: np.isin(np.arange(scores.size), np.argsort(-scores, kind="stable")[:count])
    live = np.count_nonzero(mask)
    kept = best(np.where(mask, magnitude, magnitude.min() - 1), live - moved)
    return best(np.where(kept, growth.max() + 1, growth), live)


@pytest.mark.parametrize("method", ["rigl", "rigl-inverted", "set"])
def test_dense_layers_move_as_the_published_rule_has_it(method):
    """400 random masks of density 0.7 to 0.95: with these fractions mostly more are moved than are dead."""
    random = np.random.default_rng(0)
    live, size = random.integers(70, 96, 400), 100
    masks = random.permuted(np.arange(size) < live[:, None], axis=1)
    magnitude = np.where(masks, random.exponential(size=masks.shape), 0.0).astype(np.float32)
    gradient = random.exponential(size=masks.shape).astype(np.float32)
    growth = {"rigl": gradient, "rigl-inverted": -gradient, "set": random.random(masks.shape, np.float32)}[method]
    moved = np.floor(random.uniform(0.2, 0.5, 400) * live).astype(np.int32)
    after = jax.jit(jax.vmap(drop_and_grow))(masks, magnitude, growth, moved)
    expected = np.stack(list(map(by_reordered_scores, masks, magnitude, growth, moved)))
    assert (moved > size - live).mean() > 0.5
    np.testing.assert_array_equal(after, expected)
    assert (expected != masks).any()


def test_a_dense_and_an_empty_layer_stay():
    scores = jnp.arange(12.0).reshape(3, 4)
    for mask in (jnp.ones((3, 4), bool), jnp.zeros((3, 4), bool)):
        np.testing.assert_array_equal(drop_and_grow(mask, scores, scores, 5), mask)


def network(seed, sparsities):
    """Random masks, weights that are zero outside them, and dense gradients, for two layers of different rank."""
    generator = np.random.default_rng(seed)
    shapes = {"q/conv": (3, 3, 2, 4), "q/hidden": (12, 10)}
    masks, kernels, gradients = {}, {}, {}
    for name, shape in shapes.items():
        size = math.prod(shape)
        flat = np.zeros(size, bool)
        flat[generator.permutation(size)[: live_count(size, sparsities[name])]] = True
        masks[name] = flat.reshape(shape)
        kernels[name] = np.where(masks[name], generator.standard_normal(shape), 0.0).astype(np.float32)
        gradients[name] = generator.standard_normal(shape).astype(np.float32)
    return masks, kernels, gradients


def update(method, index, count, masks, kernels, gradients, sparsities, seed=0):
    """One update of a method at index / count of its window, jitted, with NumPy in and out."""
    run = jax.jit(
        lambda i: method.update(jax.random.key(seed), WindowProgress(i, count), masks, kernels, gradients, sparsities)
    )
    masks, kernels, gradients = (
        None if tree is None else jax.tree.map(jnp.asarray, tree) for tree in (masks, kernels, gradients)
    )
    return jax.tree.map(np.asarray, run(jnp.int32(index)))


SPARSITIES = {"q/conv": 0.75, "q/hidden": 0.9}


@pytest.mark.parametrize("name", ["rigl", "rigl-inverted"])
@pytest.mark.parametrize("index", [0, 3, 7, 8])
def test_rigl_moves_towards_large_gradients_and_inverted_to_small(name, index):
    masks, kernels, gradients = network(index, SPARSITIES)
    after = update(METHODS[name](drop_fraction=0.4), index, 8, masks, kernels, gradients, SPARSITIES)
    sign = 1 if name == "rigl" else -1
    for layer, mask in masks.items():
        moved = math.floor(mask.sum() * 0.4 / 2 * (1 + math.cos(math.pi * index / 8)))
        expected = move_by_hand(mask, abs(kernels[layer]), sign * abs(gradients[layer]), moved)
        np.testing.assert_array_equal(after[layer], expected)
        assert (after[layer] != mask).any() == (moved > 0)


@pytest.mark.parametrize("index", [0, 4, 8])
def test_set_keeps_the_largest_and_grows_elsewhere(index):
    masks, kernels, _ = network(index, SPARSITIES)
    after = update(METHODS["set"](drop_fraction=0.5), index, 8, masks, kernels, None, SPARSITIES)
    for layer, mask in masks.items():
        live = mask.sum()
        moved = math.floor(live * 0.25 * (1 + math.cos(math.pi * index / 8)))
        kept = move_by_hand(mask, abs(kernels[layer]), np.full(mask.shape, -1.0), moved) & mask
        largest = np.sort(abs(kernels[layer])[mask])[::-1][: live - moved]
        assert after[layer][np.isin(abs(kernels[layer]), largest) & mask].all()
        assert kept.sum() >= live - moved
        assert after[layer].sum() == live
        assert (after[layer] & ~mask).sum() <= moved


def test_set_grows_uniformly_over_all_weights_that_were_not_kept():
    mask = jnp.arange(20).reshape(4, 5) < 8
    weights = jnp.where(mask, 20.0 - jnp.arange(20).reshape(4, 5), 0.0)  # the last live ones are the smallest
    method, sparsities = METHODS["set"](drop_fraction=0.5), {"a": 12 / 20}
    move = lambda key: method.update(
        key, WindowProgress(jnp.int32(0), 4), {"a": mask}, {"a": weights}, None, sparsities
    )["a"]
    frequency = np.asarray(jax.vmap(move)(jax.random.split(jax.random.key(0), 4000))).mean(axis=0).ravel()
    assert (frequency[:4] == 1.0).all()
    chance = 4 / 16  # 4 of the 16 others, the 4 just dropped among them
    assert np.abs(frequency[4:] - chance).max() < 5 * math.sqrt(chance * (1 - chance) / 4000)


def test_set_moves_layers_of_equal_shape_independently():
    mask = jnp.arange(100).reshape(10, 10) < 20
    masks, weights = {"a": mask, "b": mask}, {"a": mask * 1.0, "b": mask * 1.0}
    after = METHODS["set"]().update(
        jax.random.key(0), WindowProgress(jnp.int32(0), 4), masks, weights, None, {"a": 0.8, "b": 0.8}
    )
    assert (after["a"] != after["b"]).any()


def test_prune_follows_the_cubic_schedule_and_never_revives():
    count = 6
    masks, kernels, _ = network(1, {"q/conv": 0.0, "q/hidden": 0.0})
    generator = np.random.default_rng(0)
    alive = masks
    for index in range(count + 1):
        after = update(METHODS["prune"](), index, count, alive, kernels, None, SPARSITIES)
        for layer, mask in alive.items():
            final = Fraction(str(SPARSITIES[layer]))
            sparsity = final - final * (1 - Fraction(index, count)) ** 3
            size, keep = mask.size, max(round(mask.size * (1 - sparsity)), 1)
            live = [i for i in range(size) if mask.ravel()[i]]
            chosen = sorted(live, key=lambda i: (-abs(kernels[layer].ravel()[i]), i))[:keep]
            np.testing.assert_array_equal(np.flatnonzero(after[layer]), sorted(chosen))
        alive = after
        # Dead weights are given large values: whatever they hold, they must not come back.
        kernels = {
            layer: np.where(mask, generator.standard_normal(mask.shape), 100.0).astype(np.float32)
            for layer, mask in alive.items()
        }
    assert {layer: int(mask.sum()) for layer, mask in alive.items()} == {"q/conv": 18, "q/hidden": 12}


def test_snip_keeps_the_largest_products_of_weight_and_gradient():
    masks, kernels, gradients = network(2, {"q/conv": 0.0, "q/hidden": 0.0})
    after = update(METHODS["snip"](), 0, 0, masks, kernels, gradients, SPARSITIES)
    for layer, mask in after.items():
        saliency = abs(kernels[layer] * gradients[layer]).ravel()
        keep = saliency.size - math.floor(saliency.size * SPARSITIES[layer])
        assert set(np.flatnonzero(mask)) == set(np.argsort(-saliency, kind="stable")[:keep])


@pytest.mark.parametrize("name", ["static", "dense"])
def test_static_and_dense_change_nothing(name):
    masks, kernels, gradients = network(3, SPARSITIES)
    masks = masks if name == "static" else {}
    after = METHODS[name]().update(
        jax.random.key(0), WindowProgress(jnp.int32(0), 4), masks, kernels, gradients, SPARSITIES
    )
    assert after is masks


def test_the_last_pruning_update_reaches_the_sparsity_asked_for():
    assert round(455 * (1 - 0.9)) == 45  # of 45.5, as 1 - 0.9 is below 0.1 in floats; half to even is 46
    after = METHODS["prune"]().update(
        jax.random.key(0),
        WindowProgress(jnp.int32(4), 4),
        {"a": jnp.ones((455, 1), bool)},
        {"a": jnp.ones((455, 1))},
        None,
        {"a": 0.9},
    )
    assert int(after["a"].sum()) == 46
