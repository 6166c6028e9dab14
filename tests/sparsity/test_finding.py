"""Kernels in plain trees of parameters: which are found, what they are called, how sparse, and drawn from which key."""

import jax
import numpy as np
import optax
import pytest

import sparserl
from sparserl.sparsity.trees import layer_names
from sparsity.small_networks import assert_same, drawn, named

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("params", "choices", "expected"),
    [
        ([(np.ones((3, 4)), np.ones(4)), (np.ones((4, 2)), np.ones(2))], {}, {"0/0": (3, 4), "1/0": (4, 2)}),
        ({"w1": np.ones((3, 4)), "b1": np.ones(4), "none": None}, {}, {"w1": (3, 4)}),
        (np.ones((5, 6)), {}, {"params": (5, 6)}),
        ({"kernel": np.ones((5, 6)), "w": np.ones((2, 2))}, {}, {"kernel": (5, 6), "w": (2, 2)}),
        ({"a": {"kernel": np.ones((5, 6)), "w": np.ones((2, 2))}}, {}, {"a/kernel": (5, 6), "a/w": (2, 2)}),
        ({"mlp/~/linear_0": {"w": np.ones((3, 4)), "b": np.ones((1, 4))}}, {}, {"mlp/~/linear_0": (3, 4)}),
        ({"a": np.ones((3, 3)), "log_std": np.ones((2, 2)), "scale": np.ones((2, 2))}, {}, {"a": (3, 3)}),
        ({"NormalizedMLP_0": np.ones((3, 3)), "batch_norm": {"w": np.ones((2, 2))}}, {}, {"NormalizedMLP_0": (3, 3)}),
        ({"a": np.ones((3, 3), int), "b2": np.ones((3, 0)), "c": np.ones((3, 3), np.float16)}, {}, {"c": (3, 3)}),
        ({"pos_embedding": np.ones((3, 3)), "b": np.ones(3)}, {"select": lambda *_: True}, {"pos_embedding": (3, 3)}),
        ({"a": np.ones((3, 3)), "x": np.ones((3, 3))}, {"select": lambda path, _: path == "x"}, {"x": (3, 3)}),
        ({"a": np.ones((3, 3)), "x": np.ones((3, 4))}, {"select": lambda _, leaf: leaf.shape[1] > 3}, {"x": (3, 4)}),
        ({"q": {"w": np.ones((2, 3, 4)), "b": np.ones((2, 4))}}, {"stacked": "q"}, {"q[0]": (3, 4), "q[1]": (3, 4)}),
        (
            {"q": np.ones((2, 3, 4)), "p": np.ones((4, 3))},
            {"stacked": ["q"]},
            {"p": (4, 3), "q[0]": (3, 4), "q[1]": (3, 4)},
        ),
        ({"VmapShared_0": {"kernel": np.ones((3, 4))}}, {}, {"VmapShared_0": (3, 4)}),
    ],
)
def test_plain_trees(params, choices, expected):
    assert named(params, **choices) == expected


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"a/in": 0.0}, {"a/in": 0.0, "a/out": 0.5, "b/in": 0.5}),
        ({"in": 0.0}, {"a/in": 0.0, "a/out": 0.5, "b/in": 0.0}),
        ({"a": 0.25}, {"a/in": 0.25, "a/out": 0.25, "b/in": 0.5}),
        ({"a": 0.25, "a/in": 0.75}, {"a/in": 0.75, "a/out": 0.25, "b/in": 0.5}),
    ],
)
def test_overrides_name_layers_and_modules(overrides, expected):
    layers = {"a": {"in": {"w": np.ones((8, 8))}, "out": {"w": np.ones((8, 8))}}, "b": {"in": {"w": np.ones((8, 8))}}}
    optimizer = sparserl.sparsify(
        optax.sgd(1.0), "static", sparsity=0.5, distribution="uniform", overrides=overrides, rebudget=False
    )
    live = sparserl.live_weights(optimizer.init(layers))
    assert {name: 1 - int(count) / 64 for name, count in live.items()} == expected


def test_erk_holds_the_budget_with_an_override():
    """The layers that are left make up for the one that is dense, to a weight for each."""
    optimizer = sparserl.sparsify(optax.sgd(1.0), "static", sparsity=0.9, overrides={"output": 0.0})
    live = sparserl.live_weights(optimizer.init({"q": drawn_large(), "norm": np.ones((4, 4))}))
    assert int(live["q/output"]) == 40 * 4
    assert 0 <= sum(map(int, live.values())) - 0.1 * (60 * 50 + 50 * 40 + 160) < 4


def drawn_large():
    shapes = {"hidden_1": (60, 50), "hidden_2": (50, 40), "output": (40, 4)}
    return {name: {"kernel": np.ones(shape, np.float32)} for name, shape in shapes.items()}


def test_the_table_of_dense_training_is_empty():
    state = sparserl.sparsify(optax.sgd(1.0), "dense").init({"w": np.ones((3, 4))})
    assert [line.split() for line in str(sparserl.summary(state)).splitlines()] == [
        ["dense"],
        ["layer", "shape", "weights", "live", "density"],
        ["total", "0", "0"],
    ]


def test_keys_choose_topologies():
    """Without one they follow from the parameters; with one they are the key's, be it typed, or of another kind."""
    of = lambda key: sparserl.sparsify(optax.sgd(1.0), "static", sparsity=0.5, key=key)
    init = lambda seed, key: of(key).init(drawn(jax.random.key(seed)))
    masks = lambda *arguments: np.asarray(sparserl.topology(init(*arguments))["q/hidden_1"])
    assert_same(masks(0, None), masks(0, None))
    assert (masks(0, None) != masks(1, None)).any()
    for key in (3, jax.random.key(3), jax.random.PRNGKey(3)):
        assert_same(masks(0, key), masks(1, 3))
    assert (masks(0, 3) != masks(0, 4)).any()
    assert (masks(0, jax.random.key(3, impl="rbg")) != masks(0, jax.random.key(4, impl="rbg"))).any()
    seeds = jax.vmap(lambda key: init(0, key))(jax.random.split(jax.random.key(0), 4))
    assert len({mask.tobytes() for mask in np.asarray(seeds.masks["static"]["q/hidden_1"])}) == 4


def test_names_of_layers_are_those_of_our_agents():
    assert layer_names(drawn(jax.random.key(0))) == ["q/hidden_1/bias", "q/hidden_1", "q/output/bias", "q/output"]
