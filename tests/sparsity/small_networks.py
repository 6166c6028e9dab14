"""What the tests of `sparsify` train: a perceptron in plain dictionaries, and what must hold of it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from sparserl import sparsify, topology
from sparserl.sparsity.trees import layer_names

SPARSITIES = {"q/hidden_1": 0.7, "q/output": 0.45}
INPUTS = np.random.default_rng(7).normal(size=(16, 6)).astype(np.float32)


def drawn(key):
    """Parameters from a key, as each seed of a batch has its own."""
    first, second = jax.random.split(key)
    layer = lambda key, a, b: {"kernel": jax.random.normal(key, (a, b)), "bias": jnp.zeros(b)}
    return {"q": {"hidden_1": layer(first, 6, 11), "output": layer(second, 11, 4)}}


def loss(params, inputs=INPUTS):
    hidden, output = params["q"]["hidden_1"], params["q"]["output"]
    h = jnp.tanh(inputs @ hidden["kernel"] + hidden["bias"][None])
    return ((h @ output["kernel"] + output["bias"][None] - 1.0) ** 2).mean()


def stepper(optimizer, of=loss):
    """A step that any code with optax has: gradients, update, apply."""

    def step(params, state):
        updates, state = optimizer.update(jax.grad(of)(params), state, params)
        return optax.apply_updates(params, updates), state

    return step


def assert_exact(params, state):
    """Dead weights of every layer are exactly zero, and there are some; live ones are not all zero."""
    leaves = dict(zip(layer_names(params), jax.tree.leaves(params), strict=True))
    assert topology(state)
    for name, mask in topology(state).items():
        kernel, mask = np.asarray(leaves[name], np.float32), np.asarray(mask)
        assert not kernel[~mask].any(), f"a dead weight of {name} is not exactly zero"
        assert kernel[mask].any(), name


def assert_same(found, expected):
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b)), found, expected)


def named(params, **choices):
    """The layers of a tree that are found, and their shapes."""
    state = jax.eval_shape(sparsify(optax.sgd(1.0), "static", sparsity=0.5, **choices).init, params)
    return {name: mask.shape for name, mask in state.masks["static"].items()}
