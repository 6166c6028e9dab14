"""Kernels in plain trees of parameters: which are found, what they are called, how sparse, and drawn from which key."""

import jax
import numpy as np
import optax
import pytest

import sparserl
from sparserl.sparsity import live_count
from sparserl.sparsity.choosing import chosen_sparsities
from sparserl.sparsity.keys import key_data
from sparserl.sparsity.trees import layer_names
from sparsity.small_networks import drawn, named

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
    shapes = dict.fromkeys(("a/in", "a/out", "b/in"), (8, 8))
    assert chosen_sparsities(shapes, 0.5, "uniform", overrides, rebudget=False) == expected


def test_the_other_layers_make_up_for_an_override_to_a_weight_for_each():
    shapes = {"q/hidden_1": (60, 50), "q/hidden_2": (50, 40), "q/output": (40, 4)}
    sparsities = chosen_sparsities(shapes, 0.9, "erk", {"output": 0.0}, rebudget=True)
    live = {name: live_count(a * b, sparsities[name]) for name, (a, b) in shapes.items()}
    assert live["q/output"] == 40 * 4
    assert 0 <= sum(live.values()) - 0.1 * (60 * 50 + 50 * 40 + 160) < 4


def test_the_table_of_dense_training_is_empty():
    state = sparserl.sparsify(optax.sgd(1.0), "dense").init({"w": np.ones((3, 4))})
    assert [line.split() for line in str(sparserl.summary(state)).splitlines()] == [
        ["dense"],
        ["layer", "shape", "weights", "live", "density"],
        ["total", "0", "0"],
    ]


def test_keys_are_given_or_those_of_the_kernels():
    """Without one it follows from every bit of the kernels; one of another kind stands for one of the usual kind."""
    of = lambda key, kernels=None: tuple(map(int, key_data(key, kernels)))
    kernels = {"a": np.ones((3, 4), np.float32), "b": np.ones((3, 4), np.float16)}
    swapped = {**kernels, "a": np.array(kernels["a"])}
    swapped["a"][0, 0] = np.nextafter(np.float32(1), np.float32(2))
    assert of(None, kernels) == of(None, dict(reversed(kernels.items())))
    assert len({of(None, kernels), of(None, swapped), of(None, {"a": kernels["b"], "b": kernels["a"]})}) == 3
    assert of(3) == of(np.int64(3)) == of(jax.random.key(3)) == of(jax.random.PRNGKey(3)) == (0, 3)
    assert of(jax.random.key(3, impl="rbg")) != of(jax.random.key(4, impl="rbg"))


def test_names_of_layers_are_those_of_our_agents():
    assert layer_names(drawn(jax.random.key(0))) == ["q/hidden_1/bias", "q/hidden_1", "q/output/bias", "q/output"]
