"""Every method keeps the promises of `SparseMethod`, on every network and sparsity; and how methods are found."""

import dataclasses
import json
import math
import operator
from importlib import metadata

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from covering import covering
from sparserl.sparsity import METHODS, SparseMethod, Window, WindowProgress, erk, find_method, method_name, method_names
from sparserl.sparsity.methods import rigl
from sparserl.types import UserError

pytestmark = pytest.mark.slow

SHAPES = {
    "mlp": {"q/hidden": (3, 16), "q/output": (16, 2)},
    "cnn": {"q/conv": (3, 3, 2, 6), "q/output": (24, 5)},
}
COUNT = 4  # intervals of the window


def drawn(shapes, seed=0):
    """Random arrays of the given shapes."""
    keys = jax.random.split(jax.random.key(seed), len(shapes))
    return {name: jax.random.normal(key, shape) for key, (name, shape) in zip(keys, shapes.items(), strict=True)}


def updated(method, key, index, masks, weights, gradients, sparsities):
    gradients = gradients if method.wants_gradients else None
    return method.update(key, WindowProgress(index, COUNT), masks, weights, gradients, sparsities)


def asked(name, size, sparsity, index):
    """Live weights that a method owes after the update at `index` of `COUNT`, from the rules."""
    if name == "prune":
        return max(round(size * (1 - sparsity * (1 - (1 - index / COUNT) ** 3))), 1)
    return size - math.floor(size * sparsity)


@pytest.mark.parametrize(
    ("name", "network", "sparsity"),
    covering(
        [(name, *case) for name in METHODS for case in (("mlp", 0.0), ("mlp", 0.9), ("cnn", 0.6))],
        lambda case: case[2] == 0.9 or case[0] in ("prune", "rigl"),
    ),
)
def test_counts_are_exact_and_jit_is_eager(name, network, sparsity):
    method: SparseMethod = METHODS[name]()
    weights, gradients = drawn(SHAPES[network]), drawn(SHAPES[network], seed=1)
    sparsities = erk(SHAPES[network], sparsity)
    masks = method.init(jax.random.key(2), weights, sparsities)
    assert list(masks) == ([] if name == "dense" else sorted(sparsities))
    for layer, mask in masks.items():
        assert int(mask.sum()) == (asked(name, mask.size, sparsities[layer], 0) if method.born_sparse else mask.size)

    traces = []

    def traced(key, index, masks, weights, gradients):
        traces.append(index)
        return updated(method, key, index, masks, weights, gradients, sparsities)

    jitted = jax.jit(traced)
    for index in range(COUNT + 1):
        key = jax.random.key(index)
        after = jitted(key, jnp.int32(index), masks, weights, gradients)
        if index == 1:
            eager = updated(method, key, jnp.int32(index), masks, weights, gradients, sparsities)
            jax.tree.map(np.testing.assert_array_equal, after, eager)
        for layer, mask in after.items():
            assert mask.dtype == bool
            assert mask.shape == weights[layer].shape
            assert int(mask.sum()) == asked(name, mask.size, sparsities[layer], index)
        masks = after
    assert len(traces) == 1  # a later update must not compile again


@pytest.mark.parametrize("name", METHODS)
def test_vmap_is_a_loop(name):
    method: SparseMethod = METHODS[name]()
    shapes, sparsities = {"q/hidden": (6, 8)}, {"q/hidden": 0.8}
    keys = jax.random.split(jax.random.key(3), 3)
    weights = {layer: jax.random.normal(jax.random.key(4), (3, *shape)) for layer, shape in shapes.items()}
    gradients = {layer: jax.random.normal(jax.random.key(5), (3, *shape)) for layer, shape in shapes.items()}

    def both(key, weights, gradients):
        masks = method.init(key, weights, sparsities)
        return masks, updated(method, key, jnp.int32(1), masks, weights, gradients, sparsities)

    together, one = jax.jit(jax.vmap(both))(keys, weights, gradients), jax.jit(both)
    alone = [one(*jax.tree.map(operator.itemgetter(i), (keys, weights, gradients))) for i in range(3)]
    jax.tree.map(np.testing.assert_array_equal, together, jax.tree.map(lambda *seeds: jnp.stack(seeds), *alone))


@pytest.mark.parametrize("name", METHODS)
def test_only_layers_with_a_sparsity_are_masked(name):
    method: SparseMethod = METHODS[name]()
    weights = drawn(SHAPES["mlp"])
    masks = method.init(jax.random.key(0), weights, {"q/output": 0.5})
    after = updated(method, jax.random.key(0), jnp.int32(0), masks, weights, weights, {"q/output": 0.5})
    assert list(masks) == list(after) == ([] if name == "dense" else ["q/output"])


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_plain_frozen_choices(name):
    method = find_method(name)()
    assert method == find_method(name)()
    assert hash(method) == hash(find_method(name)())
    json.dumps(dataclasses.asdict(method))
    assert method_name(method) == name
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.window = Window()
    if method.window is not None:
        method.window.check(100_000)


@pytest.mark.parametrize("name", ["set", "rigl", "rigl-inverted"])
@pytest.mark.parametrize("fraction", [-0.1, 1.1, math.nan])
def test_impossible_drop_fractions_are_refused(name, fraction):
    with pytest.raises(UserError, match=r"^drop_fraction is "):
        METHODS[name](drop_fraction=fraction)


def test_unknown_method_is_told_the_nearest():
    with pytest.raises(UserError, match=r"method is 'rigle'.*did you mean 'rigl'") as caught:
        find_method("rigle")
    assert "\n" not in str(caught.value)


def test_methods_of_other_packages_are_found(monkeypatch):
    class Foreign:
        """A method of another package."""

    monkeypatch.setattr(rigl, "Foreign", Foreign, raising=False)
    entries = metadata.EntryPoints([
        metadata.EntryPoint("foreign", "sparserl.sparsity.methods.rigl:Foreign", "sparserl.methods"),
        metadata.EntryPoint("rigl", "sparserl.sparsity.methods.rigl:Foreign", "sparserl.methods"),
    ])  # fmt: skip
    monkeypatch.setattr(metadata, "entry_points", entries.select)
    assert find_method("foreign") is Foreign
    assert find_method("rigl") is METHODS["rigl"]
    assert method_names() == [*METHODS, "foreign"]
