"""RigL by masks, as sparse peers do it, against its rule re-derived in NumPy."""

import jax
import numpy as np
import optax

from sparserl.bench.dense_masks import rigl_by_masks

RATE = 0.1


def by_hand(mask, weights, gradient, drop_fraction):
    """Evci et al. 2020, algorithm 1: drop the smallest of the live weights, grow the largest gradients elsewhere."""
    live = np.flatnonzero(mask)
    num_moved = int(drop_fraction * live.size)
    kept = live[np.argsort(-np.abs(weights.ravel()[live]), kind="stable")][: live.size - num_moved]
    free = np.setdiff1d(np.arange(mask.size), kept)
    grown = free[np.argsort(-np.abs(gradient.ravel()[free]), kind="stable")][:num_moved]
    new = np.zeros(mask.size, bool)
    new[np.concatenate([kept, grown])] = True
    return new.reshape(mask.shape)


def kernels(tree):
    """A kernel, and those of the two networks of a stack."""
    return {"a": tree["a"]["kernel"], **{f"stack {i}": tree["stack"]["kernel"][i] for i in range(2)}}


def test_topologies_move_by_the_rule_and_dead_weights_are_zero():
    random = np.random.default_rng(1)
    draw = lambda *shape: np.asarray(random.standard_normal(shape), np.float32)
    params = {"a": {"kernel": draw(6, 10), "bias": draw(10)}, "stack": {"kernel": draw(2, 5, 4), "bias": draw(2, 4)}}
    optimizer = rigl_by_masks(optax.sgd(RATE), 0.8, interval_updates=2, drop_fraction=0.5)
    state, step = optimizer.init(params), jax.jit(optimizer.update)
    assert [int(mask.sum()) for mask in kernels(state.masks).values()] == [12, 4, 4]
    assert state.masks["a"]["bias"] is state.masks["stack"]["bias"] is None
    for number in range(5):
        gradients = jax.tree.map(lambda leaf: draw(*leaf.shape), params)
        masks, before, slopes = (jax.tree.map(np.asarray, kernels(t)) for t in (state.masks, params, gradients))
        expected_bias = params["stack"]["bias"] - RATE * gradients["stack"]["bias"]
        updates, state = step(gradients, state, params)
        params = optax.apply_updates(params, updates)
        for name, mask in masks.items():
            new, after = np.asarray(kernels(state.masks)[name]), np.asarray(kernels(params)[name])
            due = number and number % 2 == 0
            expected = by_hand(mask, before[name] * mask, slopes[name], 0.5) if due else mask
            np.testing.assert_array_equal(new, expected)
            np.testing.assert_allclose(after, (before[name] - RATE * slopes[name]) * new, atol=1e-6)
        np.testing.assert_allclose(params["stack"]["bias"], expected_bias, atol=1e-6)
