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


def layer(kernel, bias):
    return {"kernel": np.ones(kernel), "bias": np.ones(bias)}


@pytest.mark.parametrize(
    ("params", "choices", "expected"),
    [
        ([(np.ones((3, 4)), np.ones(4)), (np.ones((4, 2)), np.ones(2))], {}, {"0/0": (3, 4), "1/0": (4, 2)}),
        ({"w1": np.ones((3, 4)), "b1": np.ones(4), "none": None}, {}, {"w1": (3, 4)}),
        (np.ones((5, 6)), {}, {"params": (5, 6)}),
        ({"kernel": np.ones((5, 6)), "w": np.ones((2, 2))}, {}, {"kernel": (5, 6), "w": (2, 2)}),
        ({"a": {"kernel": np.ones((5, 6)), "w": np.ones((2, 2))}}, {}, {"a/kernel": (5, 6), "a/w": (2, 2)}),
        ({"mlp/~/linear_0": {"w": np.ones((3, 4)), "b": np.ones((1, 4))}}, {}, {"mlp/~/linear_0": (3, 4)}),
        ({"a": np.ones((3, 4)), "b": np.ones((4, 5))}, {}, {"a": (3, 4), "b": (4, 5)}),
        ({"W": np.ones((3, 4)), "B": np.ones((1, 4))}, {}, {"W": (3, 4)}),
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
        ({"VmapConv_0": layer((2, 3, 4), (4,))}, {}, {"VmapConv_0": (2, 3, 4)}),
        ({"VmapDense_0": {"kernel": np.ones((2, 3, 4))}}, {}, {"VmapDense_0[0]": (3, 4), "VmapDense_0[1]": (3, 4)}),
        ({"ScanBlock_0": {"Dense_0": layer((1, 3, 4), (1, 4))}}, {}, {"ScanBlock_0/Dense_0[0]": (3, 4)}),
        (layer((2, 3, 4), (2, 4)), {}, {"kernel[0]": (3, 4), "kernel[1]": (3, 4)}),
        (layer((2, 3, 4), (2, 4)), {"stacked": ()}, {"kernel": (2, 3, 4)}),
        ({"layer": {"w": np.ones((2, 3, 4)), "b": np.ones((2, 4))}}, {}, {"layer[0]": (3, 4), "layer[1]": (3, 4)}),
        ({"conv": layer((5, 3, 4), (4,))}, {}, {"conv": (5, 3, 4)}),
        ({"conv": layer((2, 5, 3, 4), (2, 4))}, {}, {"conv[0]": (5, 3, 4), "conv[1]": (5, 3, 4)}),
        ({"general": layer((6, 2, 4), (2, 4))}, {}, {"general": (6, 2, 4)}),
        ({"query": layer((2, 2, 4), (2, 4))}, {}, {"query": (2, 2, 4)}),
        ({"a/query": layer((1, 6, 2, 4), (1, 2, 4))}, {}, {"a/query[0]": (6, 2, 4)}),
    ],
)
def test_plain_trees(params, choices, expected):
    assert named(params, **choices) == expected


def test_attention_of_flax_is_as_sparse_as_its_matrices():
    """[in, head, width] is a dense layer whose outputs are laid out by head, and no convolution."""
    heads = {"query": (60, 4, 5), "key": (60, 4, 5), "value": (60, 4, 5), "out": (4, 5, 30)}
    matrices = {"query": (60, 20), "key": (60, 20), "value": (60, 20), "out": (20, 30)}

    def live(shapes, of="attention"):
        params = {
            of: {name: {"kernel": np.ones(shape)} for name, shape in shapes.items()},
            "conv": np.ones((3, 60, 60)),
        }
        optimizer = sparserl.sparsify(optax.sgd(1.0), "static", sparsity=0.9, key=0)
        return {name: int(count) for name, count in sparserl.live_weights(optimizer.init(params)).items()}

    assert live(heads) == live(matrices)
    assert live({**heads, "out": (5, 4, 30)}) != live(matrices), "shapes that do not fit are no attention"
    assert live({"out": heads["out"]})["attention/out"] != live({"out": matrices["out"]})["attention/out"]


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
