"""Equinox networks that learn to read digits with one weight in ten, and in twenty, beside their dense selves.

What is sparse about it are three lines: `sparsify` around the optimizer, `born_sparse` before the first update, and
`topology`, to look at what came of it. The loop is equinox's own: `filter_value_and_grad`, `apply_updates`.

    python examples/digits_equinox.py                                                      # 54 networks, minutes
    python examples/digits_equinox.py --networks mlp --methods rigl --seeds 1 --updates 300    # seconds

Needs equinox and scikit-learn (`pip install equinox scikit-learn`). Writes a table, its rows and a picture to
results/digits.
"""

import functools
from collections.abc import Iterator

import digits
import equinox as eqx
import jax
import numpy as np
import optax

import sparserl
from sparserl.sparsity import sparse_glorot_uniform

BATCH_SIZE, NUM_EVALUATIONS = 64, 15


class CNN(eqx.Module):
    """Two convolutions and two dense layers; equinox's kernels are [out, in] and [out, in, height, width]."""

    convolutions: list[eqx.nn.Conv2d]
    dense: list[eqx.nn.Linear]

    def __init__(self, key: jax.Array) -> None:
        keys = jax.random.split(key, 4)
        self.convolutions = [eqx.nn.Conv2d(1, 16, 3, key=keys[0]), eqx.nn.Conv2d(16, 32, 3, key=keys[1])]
        self.dense = [eqx.nn.Linear(32 * 4 * 4, 64, key=keys[2]), eqx.nn.Linear(64, 10, key=keys[3])]

    def __call__(self, image: jax.Array) -> jax.Array:
        x = image[None]
        for convolution in self.convolutions:
            x = jax.nn.relu(convolution(x))
        return self.dense[1](jax.nn.relu(self.dense[0](x.ravel())))


class MLP(eqx.Module):
    """Two hidden layers of 256 units."""

    layers: eqx.nn.MLP

    def __init__(self, key: jax.Array) -> None:
        self.layers = eqx.nn.MLP(64, 10, 256, 2, key=key)

    def __call__(self, image: jax.Array) -> jax.Array:
        return self.layers(image.ravel())


@functools.cache  # so that all seeds share one compiled program
def sparse_adam(method: str, sparsity: float, total_updates: int) -> optax.GradientTransformationExtraArgs:
    window = {} if method in ("dense", "static") else {"interval_updates": max(1, total_updates // 30)}
    return sparserl.sparsify(optax.adam(3e-3), method, sparsity=sparsity, total_updates=total_updates, **window)


@eqx.filter_jit
def born(network: type, optimizer: optax.GradientTransformation, key: jax.Array) -> tuple:
    """A network whose kernels are drawn for as many weights as are alive, and the state of its optimizer."""
    params, static = eqx.partition(network(key), eqx.is_inexact_array)
    state = optimizer.init(params)
    return eqx.combine(sparserl.born_sparse(params, state, sparse_glorot_uniform), static), state


@eqx.filter_value_and_grad
def loss_and_gradients(model: eqx.Module, images: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(jax.vmap(model)(images), labels).mean()


@eqx.filter_jit
def step(model: eqx.Module, state: optax.OptState, optimizer: optax.GradientTransformation, *batch: jax.Array) -> tuple:
    loss, gradients = loss_and_gradients(model, *batch)
    updates, state = optimizer.update(gradients, state, eqx.filter(model, eqx.is_inexact_array))
    return eqx.apply_updates(model, updates), state, loss


@eqx.filter_jit
def accuracy(model: eqx.Module, images: jax.Array, labels: jax.Array) -> jax.Array:
    return (jax.vmap(model)(images).argmax(-1) == labels).mean()


def train(
    network: str, method: str, sparsity: float, seed: int, split: digits.Split, total_updates: int
) -> Iterator[digits.Row]:
    """Train one network, and say from time to time how well it reads images that it has not seen."""
    optimizer = sparse_adam(method, sparsity, total_updates)
    model, state = born({"mlp": MLP, "cnn": CNN}[network], optimizer, jax.random.key(seed))
    random = np.random.default_rng(seed)
    for update in range(1, total_updates + 1):
        batch = random.choice(len(split.train_labels), BATCH_SIZE, replace=False)
        model, state, _ = step(model, state, optimizer, split.train_images[batch], split.train_labels[batch])
        if update % max(1, total_updates // NUM_EVALUATIONS) == 0 or update == total_updates:
            right = round(float(accuracy(model, split.test_images, split.test_labels)), 4)
            yield digits.Row(network, method, sparsity, seed, update, right, digits.density(state))


if __name__ == "__main__":
    digits.main("equinox", train)
