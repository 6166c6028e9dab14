"""Dormant units and ranks of features, by hand."""

import jax
import numpy as np
import pytest

from sparserl import linalg
from sparserl.diagnostics import WHOLE, dormant, effective_rank, of_activations, singular_values, srank
from sparserl.linalg import Compressed
from sparserl.networks import MLP, MLPSettings

pytestmark = pytest.mark.slow


def test_dormant_units_by_hand():
    """Mean activities 0, 0.1, 2.9, 5: the layer's mean is 2, so scores are 0, 0.05, 1.45, 2.5."""
    activations = np.array([[0.0, 0.2, 2.9, 4.0], [0.0, 0.0, 2.9, 6.0]])
    assert dormant(activations, 0.0).tolist() == [True, False, False, False]
    assert dormant(activations, 0.049).tolist() == [True, False, False, False]
    assert dormant(activations, 0.051).tolist() == [True, True, False, False]
    assert dormant(-activations, 2.0).tolist() == [True, True, True, False]


def test_places_of_an_image_are_further_examples():
    activations = np.random.default_rng(0).random((5, 3, 2, 4)) * [0.0, 0.001, 1.0, 1.0]
    np.testing.assert_array_equal(dormant(activations, 0.025), [True, True, False, False])
    np.testing.assert_array_equal(dormant(activations, 0.025), dormant(activations.reshape(30, 4), 0.025))


def test_a_silent_layer_is_dormant_as_a_whole():
    assert dormant(np.zeros((4, 3)), 0.0).all()


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (10, 10), (100, 99), (200, 198)])
def test_ranks_of_equal_singular_values(count, expected):
    values = singular_values(3.0 * np.eye(count))
    assert srank(values) == expected
    np.testing.assert_allclose(effective_rank(values), count, rtol=1e-9)


def test_ranks_by_hand():
    """Singular values 90, 9.2, 0.8: 99.2 of 100 in the first two; shares 0.9, 0.092, 0.008."""
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    values = singular_values((rotation @ np.diag([9.2, 90.0, 0.8])).reshape(3, 1, 3))
    assert (srank(values), srank(values, delta=0.2), srank(values, delta=0.001)) == (2, 1, 3)
    entropy = -(0.9 * np.log(0.9) + 0.092 * np.log(0.092) + 0.008 * np.log(0.008))
    np.testing.assert_allclose(effective_rank(values), np.exp(entropy), rtol=1e-9)


def test_no_features_have_no_rank():
    values = singular_values(np.zeros((4, 3)))
    assert (srank(values), effective_rank(values)) == (0, 0.0)


def test_columns():
    """Units of all hidden layers count alike; ranks are those of the last."""
    hidden = {"hidden_1": np.array([[0.0, 1.0, 1.0, 0.01]]), "hidden_2": np.array([[0.0, 2.0], [0.0, 3.0]])}
    found = of_activations(hidden)
    assert found["hidden_1"] == {"dormant_fraction_0": 0.25, "dormant_fraction_0025": 0.5}
    assert found["hidden_2"] == {"dormant_fraction_0": 0.5, "dormant_fraction_0025": 0.5}
    np.testing.assert_allclose(found[WHOLE]["dormant_fraction_0"], 2 / 6)
    np.testing.assert_allclose(found[WHOLE]["dormant_fraction_0025"], 3 / 6)
    assert found[WHOLE]["srank"] == 1
    np.testing.assert_allclose(found[WHOLE]["effective_rank"], 1.0)


@pytest.mark.kernels
@pytest.mark.parametrize(("name", "function"), [("relu", lambda x: np.maximum(x, 0)), ("tanh", np.tanh)])
def test_hidden_activations_are_those_of_the_network_in_both_storages(name, function):
    network = MLP(MLPSettings((8, 6), activation=name), (2, 2), 3)
    params = jax.tree.map(np.array, network.init(jax.random.key(0)))
    random = np.random.default_rng(0)
    mask = random.random((8, 6)) < 0.4
    params["hidden_2"]["kernel"] = np.where(mask, params["hidden_2"]["kernel"], 0).astype(np.float32)
    x = random.normal(size=(5, 2, 2)).astype(np.float32)
    first = function(x.reshape(5, 4) @ params["hidden_1"]["kernel"] + params["hidden_1"]["bias"])
    second = function(first @ params["hidden_2"]["kernel"] + params["hidden_2"]["bias"])
    layout = linalg.layout_of(mask, int(mask.sum()))
    packed = Compressed(linalg.gather(layout, params["hidden_2"]["kernel"]), layout)
    for kernel in (params["hidden_2"]["kernel"], packed):
        stored = {**params, "hidden_2": {**params["hidden_2"], "kernel": kernel}}
        found = network.hidden(stored, x)
        assert list(found) == ["hidden_1", "hidden_2"]
        np.testing.assert_allclose(found["hidden_1"], first, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found["hidden_2"], second, rtol=1e-5, atol=1e-6)
        last = second @ params["output"]["kernel"] + params["output"]["bias"]
        np.testing.assert_allclose(network.apply(stored, x), last, rtol=1e-5, atol=1e-6)
    assert network.hidden(params, x[0])["hidden_1"].shape == (8,)
