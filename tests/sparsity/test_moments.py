"""Moments are found in the state of any optax optimizer, by what they are and not by what they are called."""

import jax
import numpy as np
import optax
import pytest

from sparserl.sparsity.moments import masked_moments, moments

PARAMS = {
    "count": {"kernel": np.ones((3, 4), np.float32), "bias": np.ones(4, np.float32)},  # as a step counter is called
    "other": [np.ones((3, 4), np.float32), np.ones((3, 4), np.float32)],
    "dense": np.ones((3, 4), np.float32),
}
MASKS = {"count": np.eye(3, 4) > 0, "other/1": np.eye(3, 4) < 1}
SHARED = optax.partition({"a": optax.adam(1.0), "b": optax.sgd(1.0, 0.9)}, {"count": "a", "other": "b", "dense": "a"})


@pytest.mark.parametrize(
    ("inner", "expected"),  # numbers for each weight: of the first layer, of the second
    [
        (optax.sgd(1.0), (0, 0)),
        (optax.sgd(1.0, momentum=0.9), (1, 1)),
        (optax.adam(1.0), (2, 2)),
        (optax.amsgrad(1.0), (3, 3)),
        (optax.rmsprop(1.0, momentum=0.9, centered=True), (3, 3)),
        (optax.lion(1.0), (1, 1)),
        (optax.chain(optax.clip_by_global_norm(1.0), optax.ema(0.9), optax.adamw(1.0)), (3, 3)),
        (optax.inject_hyperparams(optax.adam)(learning_rate=1.0), (2, 2)),
        (optax.MultiSteps(optax.adam(1.0), 2), (3, 3)),
        (optax.apply_if_finite(optax.adam(1.0), 2), (2, 2)),
        (optax.contrib.muon(1.0), (1, 1)),
        (SHARED, (2, 1)),
        (optax.masked(optax.adam(1.0), {"count": True, "other": False, "dense": True}), (2, 0)),
    ],
)
def test_every_moment_is_masked_and_nothing_else(inner, expected):
    ones = jax.tree.map(lambda leaf: np.ones(leaf.shape, np.float32), jax.eval_shape(inner.init, PARAMS))
    settled = masked_moments(MASKS, moments(inner, PARAMS, MASKS), ones, PARAMS)
    sums = [np.sum(leaf) - np.size(leaf) for leaf in jax.tree.leaves(settled)]
    masked = [sums.count(float(mask.sum() - mask.size)) for mask in MASKS.values()]
    assert tuple(masked) == expected
    assert sum(value != 0 for value in sums) == sum(expected)


def test_a_single_array_is_a_network_too():
    params, inner = np.ones((3, 4), np.float32), optax.adam(1.0)
    found = moments(inner, params, ["params"])
    assert [jax.tree.leaves(inner.init(params))[moment.state_leaf].shape for moment in found] == [(3, 4), (3, 4)]
