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


def test_topologies_move_by_the_rule_and_dead_weights_are_zero():
    random = np.random.default_rng(1)
    draw = lambda *shape: np.asarray(random.standard_normal(shape), np.float32)
    params = {"kernel": draw(6, 10), "stack": draw(2, 5, 4), "bias": draw(10)}
    optimizer = rigl_by_masks(optax.sgd(RATE), 0.8, interval_updates=2, drop_fraction=0.5)
    state, step = optimizer.init(params), jax.jit(optimizer.update)
    assert [int(m.sum()) for m in (state.masks["kernel"], *state.masks["stack"])] == [12, 4, 4]
    for number in range(5):
        gradients = {
            name: draw(*leaf.shape) if number == 2 else np.ones(leaf.shape, np.float32) for name, leaf in params.items()
        }
        masks = {
            "kernel": np.asarray(state.masks["kernel"]),
            **{f"stack {i}": np.asarray(mask) for i, mask in enumerate(state.masks["stack"])},
        }
        of = lambda tree: {"kernel": tree["kernel"], "stack 0": tree["stack"][0], "stack 1": tree["stack"][1]}
        before, slopes = jax.tree.map(np.asarray, (of(params), of(gradients)))
        updates, state = step(gradients, state, params)
        params = optax.apply_updates(params, updates)
        new, after = jax.tree.map(np.asarray, (of(state.masks), of(params)))
        for name, mask in masks.items():
            due = number and number % 2 == 0
            expected = by_hand(mask, before[name] * mask, slopes[name], 0.5) if due else mask
            np.testing.assert_array_equal(new[name], expected)
            np.testing.assert_allclose(after[name], (before[name] - RATE * slopes[name]) * new[name], atol=1e-6)
    assert state.masks["bias"] is None
