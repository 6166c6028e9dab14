"""Flax nnx networks that learn to read digits with one weight in ten, and in twenty, beside their dense selves.

`nnx.Optimizer` takes `sparsify` as any optimizer. The CNN has batch norms and dropout: their statistics and keys are no
parameters, so sparse training does not see them, and scales and biases of norms stay dense.

    python examples/digits_nnx.py                                                      # 54 networks, minutes
    python examples/digits_nnx.py --networks mlp --methods rigl --seeds 1 --updates 300    # seconds

Needs flax and scikit-learn (`pip install flax scikit-learn`). Writes a table, its rows and a picture to results/digits.
"""

import functools
from collections.abc import Iterator

import digits
import jax
import numpy as np
import optax
from flax import nnx

import sparserl
from sparserl.sparsity import sparse_glorot_uniform

BATCH_SIZE, NUM_EVALUATIONS = 64, 15


class CNN(nnx.Module):
    """Two convolutions with batch norms, dropout, and two dense layers; kernels are [height, width, in, out]."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.convolutions = nnx.List(
            [nnx.Conv(a, b, (3, 3), padding="VALID", rngs=rngs) for a, b in ((1, 16), (16, 32))]
        )
        self.norms = nnx.List([nnx.BatchNorm(width, rngs=rngs) for width in (16, 32)])
        self.dropout = nnx.Dropout(0.2, rngs=rngs)
        self.hidden, self.output = nnx.Linear(4 * 4 * 32, 64, rngs=rngs), nnx.Linear(64, 10, rngs=rngs)

    def __call__(self, images: jax.Array) -> jax.Array:
        x = images[..., None]
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = nnx.relu(norm(convolution(x)))
        return self.output(nnx.relu(self.hidden(self.dropout(x.reshape(len(x), -1)))))


class MLP(nnx.Module):
    """Two hidden layers of 256 units."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.layers = nnx.List([nnx.Linear(a, b, rngs=rngs) for a, b in ((64, 256), (256, 256), (256, 10))])

    def __call__(self, images: jax.Array) -> jax.Array:
        x = images.reshape(len(images), -1)
        for layer in self.layers[:-1]:
            x = nnx.relu(layer(x))
        return self.layers[-1](x)


@functools.cache  # so that all seeds share one compiled program
def sparse_adam(method: str, sparsity: float, total_updates: int) -> optax.GradientTransformationExtraArgs:
    window = {} if method in ("dense", "static") else {"interval_updates": max(1, total_updates // 30)}
    return sparserl.sparsify(optax.adam(3e-3), method, sparsity=sparsity, total_updates=total_updates, **window)


@functools.partial(nnx.jit, static_argnums=(0, 1))
def born(network: type, adam: optax.GradientTransformation, key: jax.Array) -> tuple[nnx.Module, nnx.Optimizer]:
    """A network whose kernels are drawn for as many weights as are alive, and its optimizer."""
    model = network(nnx.Rngs(key))
    optimizer = nnx.Optimizer(model, adam, wrt=nnx.Param)
    nnx.update(model, sparserl.born_sparse(nnx.state(model, nnx.Param), optimizer, sparse_glorot_uniform))
    return model, optimizer


def loss(model: nnx.Module, images: jax.Array, labels: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(model(images), labels).mean()


@nnx.jit
def step(model: nnx.Module, optimizer: nnx.Optimizer, images: jax.Array, labels: jax.Array) -> None:
    optimizer.update(model, nnx.grad(loss)(model, images, labels))


@nnx.jit
def accuracy(model: nnx.Module, images: jax.Array, labels: jax.Array) -> jax.Array:
    return (model(images).argmax(-1) == labels).mean()


def train(
    network: str, method: str, sparsity: float, seed: int, split: digits.Split, total_updates: int
) -> Iterator[digits.Row]:
    """Train one network, and say from time to time how well it reads images that it has not seen."""
    adam = sparse_adam(method, sparsity, total_updates)
    model, optimizer = born({"mlp": MLP, "cnn": CNN}[network], adam, jax.random.key(seed))
    tested = nnx.view(model, deterministic=True, use_running_average=True, raise_if_not_found=False)
    random = np.random.default_rng(seed)
    for update in range(1, total_updates + 1):
        batch = random.choice(len(split.train_labels), BATCH_SIZE, replace=False)
        step(model, optimizer, split.train_images[batch], split.train_labels[batch])
        if update % max(1, total_updates // NUM_EVALUATIONS) == 0 or update == total_updates:
            right = round(float(accuracy(tested, split.test_images, split.test_labels)), 4)
            yield digits.Row(network, method, sparsity, seed, update, right, digits.density(optimizer))


if __name__ == "__main__":
    digits.main("nnx", train)
